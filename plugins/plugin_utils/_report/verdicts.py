# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen from the vantage points, judged: the checks of a report. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.cause import Cause
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment import looks
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._deployment.looks import Vantage, agent_at
from ansible_collections.huntaze.ai_system.plugins.plugin_utils._report import words

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"
NOT_VERIFIED = "not_verified"
# How a look at something that must not work ends. Plain text that is met by silence or a cut is refused as well as by words, from where TLS gets through.
PLAIN_TEXT_REFUSED = (Cause.TLS_REQUIRED, Cause.NO_ANSWER, Cause.RESET)
# A deleted endpoint's name no longer resolves, and an address that is left over refuses or drops. For as long as the name lives on, it leads to
# the cache that requires TLS now.
GONE = (Cause.NAME_RESOLUTION, Cause.REFUSED, Cause.TIMEOUT) + PLAIN_TEXT_REFUSED
# What proves something only from where the cache is reached: otherwise the resolver, the network or the cache may be at fault.
PROVES_FROM_INSIDE = (Cause.NAME_RESOLUTION, Cause.TIMEOUT, Cause.NO_ANSWER, Cause.RESET)
# Where the server itself was not asked.
NOT_ASKED = (Cause.NAME_RESOLUTION, Cause.TIMEOUT, Cause.NO_ROUTE, Cause.REFUSED)
# Where the inventory has what a failed look was made with.
CACHE_VARIABLES = {
    Cause.CERTIFICATE: "huntaze_cache.tls_ca_file", Cause.NOAUTH: "huntaze_cache.auth_token", Cause.WRONGPASS: "huntaze_cache.auth_token",
    Cause.TLS_NOT_OFFERED: "huntaze_cache.name",
}
DATABASE_VARIABLES = {
    Cause.CERTIFICATE: "huntaze_database.tls_ca_file", Cause.NOAUTH: "huntaze_database.password",
    Cause.WRONGPASS: "huntaze_database.user and .password", Cause.NO_DATABASE: "huntaze_database.name", Cause.NOPERM: "huntaze_database.user",
    Cause.NAME_RESOLUTION: "huntaze_database.endpoint", Cause.REFUSED: "huntaze_database.port",
}


FORMER = "redis/former/"
# How a stranger's look at a database ends that the network lets in, and the server does not.
ASKS_WHO = (Cause.NOAUTH, Cause.WRONGPASS, Cause.NOT_ALLOWED, Cause.CLIENT_CERTIFICATE)
CLOSED = (401, 403)
# A certificate that ends within so many days is told.
SOON = 21

Result = t.Mapping[str, t.Any]
Judgement = tuple[str, str]  # verdict, reason


def seen_by(host: t.Mapping[str, t.Any], places: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What one vantage point saw, from its host's variables: `huntaze_seen` is what the play of verify.yml registers.

    places: what looks.places returned. A target that was to be looked at and was not is there, with what is known of why.
    """
    vantage, told = Vantage.of(host), host.get("huntaze_seen") or {}
    seen = {str(one.get("name")): one for one in told.get("results") or []}
    unmade = {name: value for name, value in told.items() if name != "results"} if not seen else {}
    looked = {name: seen.get(name, unmade) for name in looks.names(places, vantage)}
    return {
        "vantage": vantage.name,
        "inside": vantage.inside,
        "tls": looked.get("redis", {}),
        "plain": looked.get("redis/plain-text", {}),
        "former": [
            {**result, "item": {"address": name.rpartition(":")[0][len(FORMER):], "port": name.rpartition(":")[2]}}
            for name, result in looked.items() if name.startswith(FORMER)
        ],
        "database": looked.get("postgresql", {} if vantage.inside else None) if places.get("has_database") else None,
        "agents": {name.partition("/")[2]: result for name, result in looked.items() if name.startswith("agent/")},
        **{name: looked.get(name) for name in ("metrics", "bucket", "app")},
    }


def seen_nothing(result: t.Optional[Result]) -> t.Optional[Judgement]:
    """The judgement where a look was not made; None where it was."""
    if not result:
        return NOT_VERIFIED, "nobody looked"
    if result.get("skipped"):
        # The modules skip in check mode and keep all their keys; a task that a condition left out has none of them.
        return (SKIPPED, result.get("skip_reason", "check mode")) if "reachable" in result else (NOT_VERIFIED, "nobody looked")
    # failed_when: false hides the failure of a module that could not start, but not that it saw nothing.
    if result.get("unreachable") or result.get("failed") or result.get("reachable") is None:
        return NOT_VERIFIED, f"could not look: {result.get('msg') or result.get('reason') or 'no reason given'}"
    return None


def gets_through(result: t.Optional[Result]) -> bool:
    """Whether a look has reached the server itself."""
    return bool(result) and not seen_nothing(result) and bool(result.get("reachable") or result.get("port_open"))


def judge(result: t.Optional[Result], variables: t.Optional[t.Mapping[str, str]] = None) -> Judgement:
    """One look that must work. variables: where the inventory has what it was made with, by class of error."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    works = result.get("reachable") and result.get("authenticated") and result.get("authentication_enforced")
    reason = result.get("reason") or (result.get("error") or {}).get("message") or "no reason given"
    variable = (variables or {}).get(Cause.met_in(result))
    return (OK, reason) if works else (FAILED, f"{reason} In the inventory this is {variable}." if variable else reason)


def judge_refusal(result: t.Optional[Result], expected: t.Sequence[str], inside: bool) -> Judgement:
    """One look that must end in a class of `expected`. inside: whether the cache is known to be reached."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    name = Cause.met_in(result)
    # Advice on how to get through is no use where nobody is to get through.
    message = (result.get("error") or {}).get("message") or "no reason given"
    if name not in expected:
        return FAILED, result.get("reason") or message
    if name in PROVES_FROM_INSIDE and not inside:
        return NOT_VERIFIED, f"{message}, but nobody has got through from inside, so the cache or the network may be at fault"
    return OK, message


def judge_plain_text(result: t.Optional[Result], inside: bool) -> Judgement:
    """A look without TLS. Where the cache is not reached at all, the look over TLS tells it already, as what it is."""
    if not inside and not seen_nothing(result) and Cause.met_in(result) in NOT_ASKED:
        return NOT_VERIFIED, f"{(result.get('error') or {}).get('message') or 'no reason given'}, so the cache was not asked"
    return judge_refusal(result, PLAIN_TEXT_REFUSED, inside)


def judge_stranger(result: t.Optional[Result], inside: bool) -> Judgement:
    """A look from where packets must be dropped."""
    if not seen_nothing(result) and Cause.met_in(result) in (Cause.NAME_RESOLUTION, Cause.NO_ROUTE):
        return NOT_VERIFIED, f"{(result.get('error') or {}).get('message') or 'no reason given'}, so the cache's security group was not asked"
    return judge_refusal(result, (Cause.TIMEOUT,), inside)


def judge_database_kept_out(result: t.Optional[Result], anybody_inside: bool) -> Judgement:
    """A look at the database from outside, without a password. Whether the network is to let it in is a finding and no fault: an app in no VPC needs it."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    if result.get("reachable"):
        return FAILED, "it takes a client without a password"
    met = Cause.met_in(result)
    message = (result.get("error") or {}).get("message") or "no reason given"
    if met in ASKS_WHO:
        return OK, f"the network lets it in, and the server does not: {message}"
    if met is Cause.TIMEOUT:
        return judge_refusal(result, (Cause.TIMEOUT,), anybody_inside)
    return NOT_VERIFIED, f"{message}, so nobody was asked"


def judge_agent_kept_out(result: t.Optional[Result], lives: bool) -> Judgement:
    """A request for which no token was sent. lives: whether the agent has answered somebody else."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    message = (result.get("error") or {}).get("message") or "no reason given"
    if result.get("status") in CLOSED:
        return OK, f"status {result['status']} without a token"
    if result.get("status"):
        return FAILED, f"{message}, where a request without a token is to be refused"
    if Cause.met_in(result) is Cause.TIMEOUT and lives:
        return OK, message
    return NOT_VERIFIED, f"{message}, so the agent was not asked"


def judge_agent(decision: t.Optional[Result], result: t.Optional[Result]) -> Judgement:
    """An agent, from the controller: its decision, whether it asks for the token, its certificate."""
    verdict, says = judge_decision(decision) if decision else seen_nothing(result) or (NOT_VERIFIED, "it was asked for no decision")
    seen = result if result and not seen_nothing(result) else {}
    if verdict == OK and seen.get("authentication_enforced") is False:
        return FAILED, "it lets in who brings no token"
    days = (seen.get("certificate") or {}).get("days_left")
    return verdict, says if days is None or days >= SOON else f"{says}; its certificate ends in {words.plural(days, 'day')}"


def judge_way_to_metrics(result: t.Optional[Result], arrive: bool) -> Judgement:
    """Whether an agent's host is let out to CloudWatch. arrive: whether what agents publish is there."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    if result.get("reachable"):
        return OK, "CloudWatch takes connections"
    if arrive:
        return NOT_VERIFIED, f"{result.get('reason')} What agents publish arrives, so they may have another way"
    return FAILED, result.get("reason") or "no reason given"


def judge_bucket_closed(result: t.Optional[Result]) -> Judgement:
    """A request to the bucket for which no credentials were sent."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    status = result.get("status")
    if status in CLOSED:
        return OK, f"status {status} without credentials"
    if status == 200:
        return FAILED, "it lists what it holds to everybody"
    if status in (301, 307):
        return FAILED, f"status {status}: the bucket is in another region than the one declared"
    if status == 404:
        return FAILED, "status 404: there is no such bucket"
    # Only the app uses it: a host that is not let out to it lacks nothing.
    return NOT_VERIFIED, (result.get("error") or {}).get("message") or f"status {status}"


def judge_app(result: t.Optional[Result]) -> Judgement:
    """The app's test route, which asks all agents whether they reach Redis."""
    unseen = seen_nothing(result)
    if unseen:
        return unseen
    status = result.get("status")
    if result.get("reachable"):
        return OK, "its test route answers: every agent reaches Redis"
    if status in (401, 403, 429):
        return NOT_VERIFIED, f"its test route was not reached: status {status}"
    if status:
        return FAILED, f"its test route answers with status {status}: the app has no agent that reaches Redis, or no such route"
    return FAILED, result.get("reason") or "no reason given"


def judge_bucket(bucket: t.Optional[t.Mapping[str, t.Any]], region: t.Optional[str]) -> Judgement:
    """What AWS says of the bucket. What it does not say is not claimed."""
    if not bucket or bucket.get("exists") is None:
        return NOT_VERIFIED, "AWS could not be asked of it"
    if not bucket["exists"]:
        return FAILED, "there is no such bucket"
    if region and bucket.get("region") and bucket["region"] != region:
        return FAILED, f"it is in {bucket['region']}, not in {region}"
    if (bucket.get("policy_status") or {}).get("is_public"):
        return FAILED, "its policy lets everybody in"
    encryption, blocked = bucket.get("encryption"), bucket.get("public_access_block")
    if encryption is not None and not encryption:
        return FAILED, "it is not encrypted"
    said = [f"in {bucket['region']}"] * bool(bucket.get("region")) + ["encrypted"] * bool(encryption)
    if blocked is None or bucket.get("policy_status") is None:
        return NOT_VERIFIED, ", ".join(said + ["whether it is public could not be asked"])
    if not blocked.get("ignore_public_acls"):
        return NOT_VERIFIED, ", ".join(said + ["its policy is not public; its ACLs, which nothing overrides, were not asked"])
    return OK, ", ".join(said + ["not public"])


def judge_build(app: t.Optional[t.Mapping[str, t.Any]], declared: t.Collection[str]) -> Judgement:
    """The app's last build, and its variables. declared: the names of those that it is to have."""
    if not app or app.get("jobs") is None:
        return NOT_VERIFIED, "AWS could not be asked of it"
    if not app["jobs"]:
        return FAILED, "nothing was built yet"
    job = app["jobs"][0]
    status, number = job.get("status") or "unknown", job.get("job_id") or "unknown"
    if status in ("FAILED", "CANCELLED"):
        return FAILED, f"build {number} is {status}"
    known = app.get("variable_names")
    missing = sorted(set(declared) - set(known)) if known is not None else []
    if missing:
        return FAILED, f"the branch lacks {words.joined(missing)}"
    if status != "SUCCEED":
        return NOT_VERIFIED, f"build {number} is {status}"
    if known is None:
        return NOT_VERIFIED, f"build {number} succeeded; its variables could not be asked"
    return OK, f"build {number} succeeded; the branch has {words.plural(len(set(declared)), 'declared variable')}"


# What an app writes that does not reach its agents, its database or its files.
UNREACHED = re.compile(r"ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|NOAUTH|WRONGPASS|no pg_hba\.conf|authentication failed|AccessDenied")


def judge_log(app: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[Judgement]:
    """The last errors of the app's log; None where nothing is to be said. That a group is missing proves nothing: Amplify may lack the right to write one."""
    if not app or not (app.get("log_group") or {}).get("exists") or app.get("log_events") is None:
        return None
    events = app["log_events"]
    met = [event for event in events if UNREACHED.search(str(event.get("message")))]
    if met:
        last = met[-1]
        return FAILED, f"{words.plural(len(met), 'line')} of its log speak of connections, the last at {last.get('at')}: {words.headline(last.get('message'))}"
    return OK, f"{words.plural(len(events), 'line')} of its log speak of an error, none of a connection" if events else "its log has no error"


def judge_decision(result: Result) -> Judgement:
    """One request for a decision."""
    if result.get("skipped"):
        return SKIPPED, "check mode asks for no decision"
    answer = result["json"] if isinstance(result.get("json"), dict) else {}
    status = result.get("status")
    limits = answer.get("limits")
    if status in (200, 429) and isinstance(limits, list):
        left = [
            f"{limit['remaining']} of {limit['limit']} left this {limit['name']}"
            for limit in limits if isinstance(limit, dict) and {"remaining", "limit", "name"} <= set(limit)
        ]
        said = ", ".join(["allowed" if status == 200 else "over the limit"] + left)
        return (OK, said) if answer.get("exact") else (FAILED, f"{said}, but decided without Redis: look at the agent's /readyz")
    if status == 401:
        return FAILED, "it does not know the first of huntaze_limiter.bearer_tokens: run the stage agent"
    return FAILED, answer.get("detail") or f"no decision: {result.get('msg') or 'no reason given'}"


def judge_metrics(result: Result) -> Judgement:
    """The look for what the agents publish."""
    if result.get("skipped"):
        return SKIPPED, "check mode waits for no metric"
    if result.get("msg"):  # failed_when: false hides the failure
        return FAILED, result["msg"]
    if "missing" not in result:  # a module that could not start has no result
        return FAILED, "CloudWatch could not be asked, and the look gave no reason: run again with -vvv"
    if result["missing"]:
        return FAILED, f"no datapoint of {', '.join(result['missing'])} since {result.get('since')}, and it was not waited for"
    return OK, ", ".join(metric.get("metric_name", "?") for metric in result.get("metrics") or [])


def place_of(endpoint: Result) -> str:
    """address:port, or what is known of it."""
    return ":".join(str(part) for part in (endpoint.get("address"), endpoint.get("port")) if part) or "(AWS shows no endpoint)"


def check(origin: str, to: str, judgement: Judgement, result: t.Optional[Result] = None, expected: str = "reached") -> dict[str, t.Any]:
    """One member of a report's `checks`, and all of it in one line."""
    verdict, reason = judgement
    seen = result if verdict in (OK, FAILED) and result else {}
    enforced = seen.get("authentication_enforced")
    return {
        "id": f"{words.slug(origin)}>{'/'.join(words.slug(part) for part in to.split('/'))}",
        "from": words.clean(origin),
        "to": words.clean(to),
        "expected": expected,
        "verdict": verdict,
        "latency_ms": (seen.get("latency_ms") or {}).get("median"),
        "tls": (seen.get("tls_version") or "").replace("TLSv", "") or None,
        "authentication": {True: "enforced", False: "not enforced"}.get(enforced),
        "says": words.clean(reason),
        "line": f"{words.VERDICTS[verdict]}: {SUBJECTS[expected].format(words.target(words.clean(to)))}, from {words.clean(origin)}: {words.clean(reason)}",
    }


SUBJECTS = {"reached": "{}", "refused": "{} is refused", "kept out": "{} lets no stranger in", "gone": "{} is gone"}


def checks_from(
    seen: t.Mapping[str, t.Any], reached: t.Container[str], lives: t.Container[str] = (), arrive: bool = False,
) -> t.Iterator[dict[str, t.Any]]:
    """What was seen from one vantage point.

    reached: which of `tls` and `database` somebody inside gets through to; lives: the agents that have answered; arrive: whether what agents publish is there
    """
    origin, tls, database = seen.get("vantage", "somewhere"), seen.get("tls"), seen.get("database")
    if seen.get("inside"):
        inside = gets_through(tls)
        yield check(origin, "redis", judge(tls, CACHE_VARIABLES), tls)
        yield check(origin, "redis/plain-text", judge_plain_text(seen.get("plain"), inside), expected="refused")
        for result in seen.get("former") or []:
            yield check(origin, f"{FORMER}{place_of(result.get('item') or {})}", judge_refusal(result, GONE, inside), expected="gone")
        if database is not None:
            yield check(origin, "postgresql", judge(database, DATABASE_VARIABLES), database)
    elif seen.get("inside") is False:
        yield check(origin, "redis", judge_stranger(tls, "tls" in reached), tls, "kept out")
        if database is not None:
            yield check(origin, "postgresql", judge_database_kept_out(database, "database" in reached), database, "kept out")
        for name, result in (seen.get("agents") or {}).items():
            yield check(origin, f"agent/{name}", judge_agent_kept_out(result, name in lives), result, "kept out")
    if seen.get("metrics") is not None:
        yield check(origin, "metrics", judge_way_to_metrics(seen["metrics"], arrive), seen["metrics"])
    if seen.get("bucket") is not None:
        expected = "reached" if seen.get("inside") else "kept out"
        yield check(origin, "bucket", judge_bucket_closed(seen["bucket"]), seen["bucket"], expected)


def checks_of_limiter(limiter: Result, asked: t.Mapping[str, Result], metrics: Judgement) -> t.Iterator[dict[str, t.Any]]:
    """The agents. asked: the controller's looks at them, by host."""
    decisions = limiter.get("decisions") or []
    for decision in decisions:
        name = agent_at(str(decision.get("url", "unknown")))
        yield check("controller", f"agent/{name}", judge_agent(decision, asked.get(name)), asked.get(name))
    if not decisions:
        yield check("anywhere", "agent", (NOT_VERIFIED, "huntaze_limiter.url is not set"))
    yield check("controller", "metrics", metrics)


def checks(
    seen_from: t.Sequence[t.Mapping[str, t.Any]], cache: Result, database: bool = False, limiter: t.Optional[Result] = None,
    estate: t.Optional[t.Mapping[str, t.Any]] = None, declared: t.Optional[t.Mapping[str, t.Any]] = None,
) -> list[dict[str, t.Any]]:
    """Every judgement.

    seen_from: one mapping of `seen_by` a vantage point
    cache:     the `cache` of elasticache_info
    database:  whether there is one to look at, for the case that nobody looked
    limiter:   `decisions` (of limiter_decisions) and `metrics` (of cloudwatch_metric_info); None without agents
    estate:    what estate_info says of the bucket and the app
    declared:  `bucket` (whether there is one), `region` (its), `variables` (the names of the app's; None without an app)
    """
    mode, auth = cache.get("transit_encryption_mode"), cache.get("auth_token_enabled")
    settings = f"transit encryption is {mode or 'off'}, AUTH is {'on' if auth else 'off'}"
    within = [seen for seen in seen_from if seen.get("inside")]
    places = [seen for seen in seen_from if seen.get("inside") is not None]
    unmade = bool(places) and all((seen_nothing(seen.get("tls")) or [None])[0] == SKIPPED for seen in places)
    judged = [check("controller", "cache", (SKIPPED if unmade else OK if mode == "required" and auth else FAILED, settings))]
    reached = [of for of in ("tls", "database") if any(gets_through(seen.get(of)) for seen in within)]
    metrics = judge_metrics(limiter.get("metrics") or {}) if limiter else (NOT_VERIFIED, "")
    asked = next((seen.get("agents") or {} for seen in seen_from if seen.get("vantage") == looks.CONTROLLER), {})
    lives = [name for name, result in asked.items() if gets_through(result)]
    for seen in seen_from:
        judged += checks_from(seen, reached, lives, metrics[0] == OK)
    if not within:
        nobody = (NOT_VERIFIED, "no host of the inventory is to get through: huntaze_limiter_agents and huntaze_vantage_points have none")
        judged += [check("anywhere", to, nobody) for to in ["redis"] + (["postgresql"] if database else [])]
    if limiter:
        judged += checks_of_limiter(limiter, asked, metrics)
    judged += [check("app", "agent", judge_app(seen["app"]), seen["app"]) for seen in seen_from if seen.get("app") is not None]
    return judged + list(checks_of_estate(estate or {}, declared or {}, SKIPPED if unmade else None))


def checks_of_estate(estate: t.Mapping[str, t.Any], declared: t.Mapping[str, t.Any], skipped: t.Optional[str]) -> t.Iterator[dict[str, t.Any]]:
    """What AWS says of the bucket and the app."""
    said: list[tuple[str, str, t.Optional[Judgement]]] = []
    if declared.get("bucket"):
        said.append(("controller", "bucket", judge_bucket(estate.get("bucket"), declared.get("region"))))
    if declared.get("variables") is not None:
        said += [("controller", "build", judge_build(estate.get("app"), declared["variables"])), ("app", "log", judge_log(estate.get("app")))]
    for origin, to, judgement in said:
        if judgement:
            yield check(origin, to, (skipped, "check mode") if skipped else judgement)


def proven(judged: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    """Whether a look at the system itself showed something. What AWS says of it counts only where nobody was to look."""
    seen = [
        one for one in judged
        if one["from"] != "anywhere" and one["to"] not in ("cache", "build", "log") and (one["from"], one["to"]) != (looks.CONTROLLER, "bucket")
    ]
    return any(one["verdict"] == OK for one in seen or judged)


def failures(judged: t.Sequence[t.Mapping[str, t.Any]], check_mode: bool = False) -> list[str]:
    """What a verification fails for, a line each: failed checks, or that none shows anything, which check mode does not claim."""
    failed = [one["line"] for one in judged if one["verdict"] == FAILED]
    unseen = [one["line"] for one in judged if one["verdict"] == NOT_VERIFIED]
    return failed or (["Nothing could be verified.", *unseen] if unseen and not check_mode and not proven(judged) else [])
