"""Tests of the image, and of what runs it on Kubernetes and Knative."""
