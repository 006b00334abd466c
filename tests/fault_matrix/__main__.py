"""Writes the page of the fault bench: `python -m tests.fault_matrix`."""

from pathlib import Path

from .page import text

if __name__ == "__main__":
    Path(__file__).with_name("README.md").write_text(text(), encoding="utf-8")
