"""Where jumbo fields are kept, as users write it."""

import pytest

from dataflow.errors import UsageError
from dataflow.payload import jumbo
from dataflow.storage.places import Place, place


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bucket", Place("s3", "bucket")),
        ("bucket/", Place("s3", "bucket")),
        ("bucket/with/a prefix".replace(" ", "-"), Place("s3", "bucket/with/a-prefix")),
        ("s3://my.bucket/flows/", Place("s3", "my.bucket/flows")),
        ("file:///srv/flows", Place("file", "/srv/flows")),
        ("file:///srv/my flows/Jürgen", Place("file", "/srv/my%20flows/J%C3%BCrgen")),
        ("file:///srv/my%20flows", Place("file", "/srv/my%20flows")),
        ("gs://bucket/flows", Place("gs", "bucket/flows")),
        ("sftp://ada@host:22/srv/flows", Place("sftp", "ada@host:22/srv/flows")),
        ("memory://flows", Place("memory", "flows")),
    ],
)
def test_a_place(text, found):
    assert place(text, "BUCKET") == found
    reference = jumbo.Reference(*found, jumbo.digest(b""), ".zst", 0)
    assert jumbo.parse(str(reference)) == reference


def test_the_path_of_a_directory():
    assert str(place("file:///srv/my flows/Jürgen", "BUCKET").path) == "/srv/my flows/Jürgen"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ab", "BUCKET=ab: 'ab' is no name of a bucket; write bucket/prefix for Amazon S3"),
        ("My_Bucket", "BUCKET=My_Bucket: 'My_Bucket' is no name of a bucket"),
        ("/srv/flows", "BUCKET=/srv/flows: '' is no name of a bucket"),
        ("s3://", "BUCKET=s3://: '' is no name of a bucket"),
        ("file://srv/flows", "BUCKET=file://srv/flows is no absolute path: write file:///a/dir"),
        ("file://", "BUCKET=file:// is no absolute path"),
        ("bucket/../other", "BUCKET=bucket/../other is no place that a reference can name: write"),
        ("bucket/a//b", "BUCKET=bucket/a//b is no place that a reference can name"),
        ("bucket/a b", "BUCKET=bucket/a b is no place that a reference can name"),
        ("gs://", "BUCKET=gs:// is no place that a reference can name"),
        ("G S://bucket", "BUCKET=G S://bucket is no place that a reference can name"),
        ("file:///", "BUCKET=file:/// is no absolute path"),
    ],
)
def test_what_is_no_place(text, told):
    with pytest.raises(UsageError) as caught:
        place(text, "BUCKET")
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_password_is_not_repeated():
    with pytest.raises(UsageError) as caught:
        place("sftp://ada:hush@host/srv", "BUCKET")
    assert str(caught.value).startswith("BUCKET=sftp://...@host has a password, which would stand")
    assert "hush" not in str(caught.value)
