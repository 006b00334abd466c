"""Tell setuptools where the packages are; everything else stands in pyproject.toml.

The schemas lie beside the code in the source tree. When installed they are data of the package, for
a folder `schemas` of its own in site-packages could be anybody's.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["function", "function.*"]), "function.schemas"],
    package_dir={"function.schemas": "schemas"},
    package_data={"function.schemas": ["**/*.json"], "function.intake": ["*.pem"]},
    include_package_data=False,
)
