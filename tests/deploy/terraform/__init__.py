"""Tests of the Terraform files, as far as they can be checked without the cloud."""
