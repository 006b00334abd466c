"""Tests of the zip that `make package` builds."""
