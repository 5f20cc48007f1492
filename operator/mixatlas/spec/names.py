"""Constrained strings of the resource, and how each is explained to people."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from mixatlas.contract.canonical import DECIMAL_PATTERN, DecimalString
from mixatlas.contract.manifest import AXIS_PATTERN, DOMAIN_PATTERN

_LABEL = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_SUBDOMAIN = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_WORD = r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$"
_DOMAIN = rf"^{DOMAIN_PATTERN.pattern}$"
_DOMAIN_GLOB = r"^[a-z0-9.*?!\[\]-]+$"
_S3_URI = r"^s3://[a-z0-9][a-z0-9.-]*/\S+$"
_HTTP_URL = r"^https?://[^\s/]+/?$"
_PREFIX = r"^[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?$"
_KEY = r"^[A-Za-z0-9_.-]+$"

SearchName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=_LABEL)]
Namespace = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=_LABEL)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
BucketName = Annotated[str, StringConstraints(min_length=3, max_length=63, pattern=_SUBDOMAIN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=_WORD)]
DataKey = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=_KEY)]
DomainName = Annotated[str, StringConstraints(min_length=1, max_length=61, pattern=_DOMAIN)]
DomainGlob = Annotated[str, StringConstraints(min_length=1, max_length=61, pattern=_DOMAIN_GLOB)]
S3Uri = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=_S3_URI)]
Endpoint = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=_HTTP_URL)]
KeyPrefix = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_PREFIX)]
Weight = DecimalString

RULES = {
    _LABEL: "use lower-case letters, digits and hyphens, with no hyphen at either end",
    _SUBDOMAIN: "use lower-case letters, digits, hyphens and dots",
    _WORD: "use letters, digits, hyphens, underscores and dots",
    _KEY: "use letters, digits, hyphens, underscores and dots",
    _DOMAIN: "a domain is CONCEPT.TASK, or one of the two on one axis, each of lower-case letters, "
    "digits and hyphens",
    _DOMAIN_GLOB: "give a domain, or a pattern such as `document.*`",
    _S3_URI: "give an object's URI, such as `s3://corpora/llava/manifest.json`",
    _HTTP_URL: "give a URL, such as `http://minio.minio:9000`",
    _PREFIX: "give a key prefix without slashes at its ends, such as `searches`",
    AXIS_PATTERN: "use lower-case letters, digits and inner hyphens, at most 30",
    DECIMAL_PATTERN: 'write a number in quotes, such as "0.25"',
}
"""What a string must look like, in words, by its pattern."""
