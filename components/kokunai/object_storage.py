"""The component `ObjectStorage`: a bucket, with an access key that opens it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import capacity, catalog, declarations, model
from kokunai.program_errors import told_without_traceback
from kokunai.settings import StackSettings

if TYPE_CHECKING:
    from kokunai.parts import Part


class ObjectStorage(pulumi.ComponentResource):
    """A bucket of object storage; programs on the nodes reach it by S3.

    Arguments are the fields of `model.Bucket`. Raises KokunaiError, before anything is declared,
    for what is misspelt, cannot be had at the site, or is refused by the domestic-data rules.
    """

    bucket: str
    """The bucket's name at the provider."""
    endpoint_url: pulumi.Output[str]
    """URL of the S3 interface; the bucket stands in the path behind it."""
    region: pulumi.Output[str]
    """Region with which requests are signed."""
    access_key_id: pulumi.Output[str]
    secret_access_key: pulumi.Output[str]
    """A secret of Pulumi's."""

    def __init__(
        self,
        name: str,
        *,
        site: str,
        bucket: str | None = None,
        versioning: bool | None = None,
        endpoint: str | None = None,
        key_version: int = 1,
        was: str | None = None,
        protect: bool | None = None,
        settings: StackSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`site` is a key of the catalogue; a higher `key_version` makes a new key."""
        with told_without_traceback():
            self.settings = settings or StackSettings.from_config()
            stack = declarations.of(self.settings)
            given: dict[str, Any] = {"name": name, "site": site, "bucket": bucket}
            given |= {"versioning": versioning}
            given |= {"endpoint": endpoint, "key_version": key_version}
            given |= {"was": was, "protect": protect}
            spec = stack.checked("buckets", model.Bucket, given)
            stack.judge(parts := parts_of(spec, self.settings))
            merged = stack.options(opts, was)
        stack.accept("buckets", spec)
        super().__init__("kokunai:index:ObjectStorage", name, None, merged)
        made = stack.declare(parts, pulumi.ResourceOptions(parent=self))[0]
        self.bucket = parts[0].props["name"]
        self.endpoint_url, self.region = made.output("endpointUrl"), made.output("region")
        self.access_key_id = made.output("accessKeyId")
        self.secret_access_key = made.output("secretAccessKey")
        self.register_outputs({"bucket": self.bucket, "endpointUrl": self.endpoint_url})


def parts_of(bucket: model.Bucket, settings: StackSettings) -> list[Part]:
    """What will be declared, the bucket first."""
    service = catalog.service(bucket.site)
    return capacity.buckets(service.driver).bucket_parts(bucket, service, settings)
