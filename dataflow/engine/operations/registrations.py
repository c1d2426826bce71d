"""Domains, their tags, and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from dataflow.engine.operations.call import Call
from dataflow.engine.rules.checks import check_domain_name, check_tags, retention_days
from dataflow.engine.rules.registry import RegisteredType
from dataflow.engine.state import DomainState
from dataflow.engine.tokens import ListPage, digest
from dataflow.protocol import operations as op
from dataflow.protocol.faults import (
    DomainAlreadyExistsFault,
    LimitExceededFault,
    TooManyTagsFault,
    UnknownResourceFault,
    ValidationException,
)
from dataflow.protocol.limits import DOMAIN_TAGS, PAGE_SIZE
from dataflow.protocol.values import ResourceTag

#: What stands in the place of a region and an account, of which there are none here.
_ARN = "arn:aws:swf:local:000000000000:/domain/"

_encode = msgspec.json.Encoder().encode


# --- domains ------------------------------------------------------------------------------


def register_domain(call: Call, request: op.RegisterDomain) -> None:
    state = call.state
    check_domain_name(request.name)
    retention_days(request.workflow_execution_retention_period_in_days)
    if request.name in state.domains:
        raise DomainAlreadyExistsFault(request.name)
    most = state.quotas.domains
    if most is not None and len(state.domains) >= most:
        raise LimitExceededFault(f"{most} domains are registered")
    tags = _merge_tags({}, request.tags or ())
    number = 1 + max((domain.number for domain in state.domains.values()), default=0)
    domain = DomainState(
        number, request, call.now, None, tags, limits=state.limits, quotas=state.quotas
    )
    state.domains[request.name] = domain
    state.write(
        "INSERT INTO domain VALUES (?, ?, ?, ?, NULL, ?)",
        (number, request.name, _encode(request), call.now, _encode(tags)),
    )
    call.done()


def describe_domain(call: Call, request: op.DescribeDomain) -> None:
    domain = call.state.domain(request.name)
    registration = domain.registration
    call.tell_registered(
        {
            "domainInfo": _domain_info(domain),
            "configuration": {
                "workflowExecutionRetentionPeriodInDays": (
                    registration.workflow_execution_retention_period_in_days
                )
            },
        }
    )


def list_domains(call: Call, request: op.ListDomains) -> None:
    deprecated = request.registration_status == "DEPRECATED"
    found = [
        ((domain.name,), _domain_info(domain))
        for domain in sorted(call.state.domains.values(), key=lambda domain: domain.name)
        if (domain.deprecated is not None) is deprecated
    ]
    query = digest("domains", request.registration_status, bool(request.reverse_order))
    call.tell_registered(_page(call, request, query, found, "domainInfos"))


def deprecate_domain(call: Call, request: op.DeprecateDomain) -> None:
    """Deprecates "all activity and workflow types registered in the domain", too."""
    domain = call.state.registered_domain(request.name)
    domain.deprecated = call.now
    call.state.write("UPDATE domain SET deprecated = ? WHERE number = ?", (call.now, domain.number))
    for types in (domain.types.activities, domain.types.workflows):
        for registered in types.all():
            if registered.deprecated is None:
                registered.deprecated = call.now
    call.state.write(
        "UPDATE type SET deprecated = ? WHERE domain = ? AND deprecated IS NULL",
        (call.now, domain.number),
    )
    call.done()


def undeprecate_domain(call: Call, request: op.UndeprecateDomain) -> None:
    """Its types stay deprecated, since nothing says which of them were so before."""
    domain = call.state.domain(request.name)
    if domain.deprecated is None:
        raise DomainAlreadyExistsFault(request.name)
    domain.deprecated = None
    call.state.write("UPDATE domain SET deprecated = NULL WHERE number = ?", (domain.number,))
    call.done()


def _domain_info(domain: DomainState) -> dict[str, Any]:
    info = {
        "name": domain.name,
        "status": "REGISTERED" if domain.deprecated is None else "DEPRECATED",
        "arn": _ARN + domain.name,
    }
    if domain.registration.description is not None:
        info["description"] = domain.registration.description
    return info


# --- tags of domains ----------------------------------------------------------------------


def tag_resource(call: Call, request: op.TagResource) -> None:
    domain = _by_arn(call, request.resource_arn)
    _write_tags(call, domain, _merge_tags(domain.tags, request.tags))


def untag_resource(call: Call, request: op.UntagResource) -> None:
    domain = _by_arn(call, request.resource_arn)
    kept = {key: value for key, value in domain.tags.items() if key not in request.tag_keys}
    _write_tags(call, domain, kept)


def list_tags_for_resource(call: Call, request: op.ListTagsForResource) -> None:
    domain = _by_arn(call, request.resource_arn)
    tags = [ResourceTag(key, value) for key, value in sorted(domain.tags.items())]
    call.tell_registered({"tags": tags})


def _by_arn(call: Call, arn: str) -> DomainState:
    domain = call.state.domains.get(arn.removeprefix(_ARN)) if arn.startswith(_ARN) else None
    if domain is None:
        raise UnknownResourceFault(f"Unknown resource: {arn}")
    return domain


def _merge_tags(tags: dict[str, str | None], new: Iterable[ResourceTag]) -> dict[str, str | None]:
    new = tuple(new)
    check_tags(new)
    merged = tags | {tag.key: tag.value for tag in new}
    if len(merged) > DOMAIN_TAGS:
        raise TooManyTagsFault(f"a domain may have {DOMAIN_TAGS} tags")
    return merged


def _write_tags(call: Call, domain: DomainState, tags: dict[str, str | None]) -> None:
    domain.tags = tags
    call.state.write("UPDATE domain SET tags = ? WHERE number = ?", (_encode(tags), domain.number))
    call.done()


# --- types --------------------------------------------------------------------------------


def register_activity_type(call: Call, request: op.RegisterActivityType) -> None:
    domain = call.state.registered_domain(request.domain)
    registered = domain.types.activities.register(request, call.now, call.state.quotas.types)
    _insert_type(call, domain, "activity", registered)


def register_workflow_type(call: Call, request: op.RegisterWorkflowType) -> None:
    domain = call.state.registered_domain(request.domain)
    registered = domain.types.workflows.register(request, call.now, call.state.quotas.types)
    _insert_type(call, domain, "workflow", registered)


def deprecate_activity_type(call: Call, request: op.DeprecateActivityType) -> None:
    domain, kind = call.state.domain(request.domain), request.activity_type
    domain.types.activities.deprecate(kind.name, kind.version, call.now)
    _update_type(call, domain, "activity", kind.name, kind.version, call.now)


def deprecate_workflow_type(call: Call, request: op.DeprecateWorkflowType) -> None:
    domain, kind = call.state.domain(request.domain), request.workflow_type
    domain.types.workflows.deprecate(kind.name, kind.version, call.now)
    _update_type(call, domain, "workflow", kind.name, kind.version, call.now)


def undeprecate_activity_type(call: Call, request: op.UndeprecateActivityType) -> None:
    domain, kind = call.state.domain(request.domain), request.activity_type
    domain.types.activities.undeprecate(kind.name, kind.version)
    _update_type(call, domain, "activity", kind.name, kind.version, None)


def undeprecate_workflow_type(call: Call, request: op.UndeprecateWorkflowType) -> None:
    domain, kind = call.state.domain(request.domain), request.workflow_type
    domain.types.workflows.undeprecate(kind.name, kind.version)
    _update_type(call, domain, "workflow", kind.name, kind.version, None)


def delete_activity_type(call: Call, request: op.DeleteActivityType) -> None:
    domain, kind = call.state.domain(request.domain), request.activity_type
    domain.types.activities.delete(kind.name, kind.version)
    _delete_type(call, domain, "activity", kind.name, kind.version)


def delete_workflow_type(call: Call, request: op.DeleteWorkflowType) -> None:
    domain, kind = call.state.domain(request.domain), request.workflow_type
    domain.types.workflows.delete(kind.name, kind.version)
    _delete_type(call, domain, "workflow", kind.name, kind.version)


def describe_activity_type(call: Call, request: op.DescribeActivityType) -> None:
    kind = request.activity_type
    types = call.state.domain(request.domain).types.activities
    registered = types.known(kind.name, kind.version)
    call.tell_registered(
        {
            "typeInfo": _type_info("activityType", registered),
            "configuration": _defaults(registered.registration),
        }
    )


def describe_workflow_type(call: Call, request: op.DescribeWorkflowType) -> None:
    kind = request.workflow_type
    types = call.state.domain(request.domain).types.workflows
    registered = types.known(kind.name, kind.version)
    call.tell_registered(
        {
            "typeInfo": _type_info("workflowType", registered),
            "configuration": _defaults(registered.registration),
        }
    )


def list_activity_types(call: Call, request: op.ListActivityTypes) -> None:
    types = call.state.domain(request.domain).types.activities
    _list_types(call, request, "activityType", types.all())


def list_workflow_types(call: Call, request: op.ListWorkflowTypes) -> None:
    types = call.state.domain(request.domain).types.workflows
    _list_types(call, request, "workflowType", types.all())


def _insert_type(
    call: Call, domain: DomainState, kind: str, registered: RegisteredType[Any]
) -> None:
    request = registered.registration
    call.state.write(
        "INSERT INTO type VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (domain.number, kind, request.name, request.version, _encode(request), call.now),
    )
    call.done()


def _update_type(
    call: Call, domain: DomainState, kind: str, name: str, version: str, deprecated: float | None
) -> None:
    call.state.write(
        "UPDATE type SET deprecated = ? WHERE domain = ? AND kind = ? AND name = ? AND version = ?",
        (deprecated, domain.number, kind, name, version),
    )
    call.done()


def _delete_type(call: Call, domain: DomainState, kind: str, name: str, version: str) -> None:
    call.state.write(
        "DELETE FROM type WHERE domain = ? AND kind = ? AND name = ? AND version = ?",
        (domain.number, kind, name, version),
    )
    call.done()


def _type_info(member: str, registered: RegisteredType[Any]) -> dict[str, Any]:
    registration = registered.registration
    info: dict[str, Any] = {
        member: {"name": registration.name, "version": registration.version},
        "status": "REGISTERED" if registered.deprecated is None else "DEPRECATED",
        "creationDate": registered.created,
    }
    if registration.description is not None:
        info["description"] = registration.description
    if registered.deprecated is not None:
        info["deprecationDate"] = registered.deprecated
    return info


def _defaults(registration: op.RegisterActivityType | op.RegisterWorkflowType) -> dict[str, Any]:
    wire: dict[str, Any] = msgspec.to_builtins(registration)
    return {member: value for member, value in wire.items() if member.startswith("default")}


def _list_types(
    call: Call,
    request: op.ListActivityTypes | op.ListWorkflowTypes,
    member: str,
    types: Iterable[RegisteredType[Any]],
) -> None:
    deprecated = request.registration_status == "DEPRECATED"
    found = [
        ((t.registration.name, t.registration.version), _type_info(member, t))
        for t in types
        if (t.deprecated is not None) is deprecated
        and (request.name is None or t.registration.name == request.name)
    ]
    query = digest(
        member,
        request.domain,
        request.registration_status,
        request.name,
        bool(request.reverse_order),
    )
    call.tell_registered(_page(call, request, query, found, "typeInfos"))


def _page(
    call: Call,
    request: op.ListDomains | op.ListActivityTypes | op.ListWorkflowTypes,
    query: str,
    found: Sequence[tuple[tuple[str, ...], dict[str, Any]]],
    member: str,
) -> dict[str, Any]:
    """One page of what was found, which is in ascending order of its positions."""
    if request.reverse_order:
        found = found[::-1]
    if request.next_page_token:
        page = call.tokens.list_page(request.next_page_token, call.now)
        if page.query != query:
            raise ValidationException("Invalid token")
        after = tuple(map(str, page.position))
        found = [
            (position, info)
            for position, info in found
            if (position < after if request.reverse_order else position > after)
        ]
    size = request.maximum_page_size or PAGE_SIZE
    answer: dict[str, Any] = {member: [info for _, info in found[:size]]}
    if len(found) > size:
        position = found[size - 1][0]
        answer["nextPageToken"] = call.tokens.seal(ListPage(query, position, call.now))
    return answer


HANDLERS: dict[type[op.Operation], Callable[[Call, Any], None]] = {
    op.RegisterDomain: register_domain,
    op.DescribeDomain: describe_domain,
    op.ListDomains: list_domains,
    op.DeprecateDomain: deprecate_domain,
    op.UndeprecateDomain: undeprecate_domain,
    op.TagResource: tag_resource,
    op.UntagResource: untag_resource,
    op.ListTagsForResource: list_tags_for_resource,
    op.RegisterActivityType: register_activity_type,
    op.RegisterWorkflowType: register_workflow_type,
    op.DescribeActivityType: describe_activity_type,
    op.DescribeWorkflowType: describe_workflow_type,
    op.ListActivityTypes: list_activity_types,
    op.ListWorkflowTypes: list_workflow_types,
    op.DeprecateActivityType: deprecate_activity_type,
    op.DeprecateWorkflowType: deprecate_workflow_type,
    op.UndeprecateActivityType: undeprecate_activity_type,
    op.UndeprecateWorkflowType: undeprecate_workflow_type,
    op.DeleteActivityType: delete_activity_type,
    op.DeleteWorkflowType: delete_workflow_type,
}
