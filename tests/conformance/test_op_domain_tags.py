"""TagResource, UntagResource, ListTagsForResource, and the tags of RegisterDomain."""

import pytest
from conforming import new_domain_name, refused

TAGS = [{"key": "team", "value": "billing"}, {"key": "stage"}]


@pytest.fixture
def arn(swf):
    """The ARN of a domain with two tags."""
    return register(swf, TAGS)


def register(swf, tags):
    name = new_domain_name()
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1", tags=tags)
    return swf.describe_domain(name=name)["domainInfo"]["arn"]


def tags_of(swf, arn):
    """A tag without a value has none, or an empty one: the model does not say."""
    tags = swf.list_tags_for_resource(resourceArn=arn)["tags"]
    found = {tag["key"]: tag.get("value") or None for tag in tags}
    assert len(found) == len(tags)
    return found


def many(count):
    return [{"key": f"key-{number}", "value": "v"} for number in range(count)]


def test_a_domain_is_registered_with_tags(swf, arn):
    """RegisterDomain: "Tags to be added when registering a domain." ListTagsForResource: "List
    tags for a given domain." """
    assert tags_of(swf, arn) == {"team": "billing", "stage": None}


def test_a_domain_without_tags(swf):
    assert tags_of(swf, register(swf, [])) == {}


def test_tags_are_added(swf, arn):
    """TagResource: "Add a tag to a Amazon SWF domain." A key has one value."""
    swf.tag_resource(
        resourceArn=arn, tags=[{"key": "team", "value": "sales"}, {"key": "new", "value": "n"}]
    )
    assert tags_of(swf, arn) == {"team": "sales", "stage": None, "new": "n"}


def test_tags_are_removed(swf, arn):
    """UntagResource: "Remove a tag from a Amazon SWF domain." """
    swf.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert tags_of(swf, arn) == {"stage": None}
    swf.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert tags_of(swf, arn) == {}


def test_domains_do_not_share_tags(swf, arn):
    other = register(swf, many(1))
    swf.untag_resource(resourceArn=arn, tagKeys=["team", "stage"])
    assert tags_of(swf, other) == {"key-0": "v"}


def test_fifty_tags_and_no_more(swf):
    """ "Amazon SWF supports a maximum of 50 tags per resource." TooManyTagsFault: "You've exceeded
    the number of tags allowed for a domain." """
    arn = register(swf, many(50))
    assert len(tags_of(swf, arn)) == 50
    with refused(swf, "TooManyTagsFault"):
        swf.tag_resource(resourceArn=arn, tags=[{"key": "one-more"}, {"key": "key-0"}])
    assert "one-more" not in tags_of(swf, arn)
    # A new value of an old key is no new tag.
    swf.tag_resource(resourceArn=arn, tags=[{"key": "key-0", "value": "w"}])
    assert tags_of(swf, arn)["key-0"] == "w"
    swf.untag_resource(resourceArn=arn, tagKeys=["key-1"])
    swf.tag_resource(resourceArn=arn, tags=[{"key": "one-more"}])
    assert len(tags_of(swf, arn)) == 50


def test_no_domain_is_registered_with_more_tags(swf):
    """TooManyTagsFault: "You've exceeded the number of tags allowed for a domain." """
    name = new_domain_name()
    with refused(swf, "TooManyTagsFault"):
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1", tags=many(51))
    with refused(swf, "UnknownResourceFault"):
        swf.describe_domain(name=name)


@pytest.mark.parametrize(
    "change", [lambda arn: f"{arn}x", lambda arn: arn.replace("swf", "sqs"), lambda _: "domain"]
)
def test_an_unknown_resource(swf, arn, change):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    unknown = change(arn)
    with refused(swf, "UnknownResourceFault"):
        swf.list_tags_for_resource(resourceArn=unknown)
    with refused(swf, "UnknownResourceFault"):
        swf.tag_resource(resourceArn=unknown, tags=TAGS)
    with refused(swf, "UnknownResourceFault"):
        swf.untag_resource(resourceArn=unknown, tagKeys=["team"])


@pytest.mark.parametrize("text", ["Ärger 7", "_.:/=+-@", "٣"])
def test_what_tags_may_contain(swf, arn, text):
    """ "Tags may only contain unicode letters, digits, whitespace, or these symbols: _ . : / = + -
    @ ." """
    swf.tag_resource(resourceArn=arn, tags=[{"key": text, "value": text}])
    assert tags_of(swf, arn)[text] == text


@pytest.mark.parametrize("text", ["a*b", "#", "a,b", "€", "{}"])
def test_what_tags_may_not_contain(swf, arn, text):
    """ "Tags may only contain unicode letters, digits, whitespace, or these symbols: _ . : / = + -
    @ ." """
    for tag in ({"key": text}, {"key": "k", "value": text}):
        with refused(swf, "ValidationException"):
            swf.tag_resource(resourceArn=arn, tags=[tag])
        with refused(swf, "ValidationException"):
            register(swf, [tag])
    assert tags_of(swf, arn) == {"team": "billing", "stage": None}
