"""Tests of the function on a machine: the wheel, the systemd unit, nginx in front of the server."""
