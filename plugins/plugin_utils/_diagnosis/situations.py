# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every situation that explains a failed look, with its words: here and nowhere else.

`_connect.cause.Cause` says what a client met. A situation says why, and several of them may stand behind one cause.
"""

from __future__ import annotations

import enum
import typing as t

# How a target fails those who ask it: the verb of the sentence that a run ends with.
UNREACHED, REFUSES, DISTRUSTED, LETS_IN = "cannot be reached from", "refuses", "is not trusted by", "is open to"
DEPLOY = "ansible-playbook deploy.yml --tags "
COMMAND, VARIABLE = "command", "variable"
NOT_KEPT = "changes an object that this collection does not keep"


class Words(t.NamedTuple):
    """short: behind the colon of the run's sentence; title: the whole. The rest may hold {fields}: causes.words_of lists them.

    kind, remedy, does: the way out, and what it does
    tell, tells:        a command that shows whether it is this, where nothing has decided yet
    """

    how: str
    short: str
    title: str
    kind: str
    remedy: str
    does: str
    tell: str
    tells: str


_CACHE = "{describe}"
_DATABASE = "aws rds describe-db-instances --db-instance-identifier {name}"
_RULES = "aws ec2 describe-security-group-rules --filters Name=group-id,Values={groups}"
# kind, remedy, does, tell, tells of what drops packets on the path; what is found brings its own remedy.
_GROUPS = (COMMAND, _RULES, "shows its rules", _RULES, "shows whether a rule lets tcp {port} in from {from_address}")
_ACLS = (
    COMMAND, "aws ec2 describe-network-acls --filters Name=vpc-id,Values={vpc}", "shows the entries; the first one that matches decides",
    "aws ec2 describe-network-acls --filters Name=vpc-id,Values={vpc}", "shows whether an entry drops tcp {port}, or the answers to ports {local_ports}",
)
_ROUTES = (
    COMMAND, "aws ec2 describe-route-tables", "shows the routes",
    "aws ec2 describe-route-tables", "shows whether the subnets of {first} and of {target} have routes to each other",
)


_METRICS = "aws cloudwatch list-metrics --namespace AWS/"
_CHAIN = "openssl s_client -connect {host}:{port} -showcerts </dev/null"
# What these words name, where it is another thing for each kind of target; a standalone cluster of ElastiCache has some of its own.
OF_A_KIND: dict[str, dict[str, str]] = {
    "redis": {
        "describe": "aws elasticache describe-replication-groups --replication-group-id {name}",
        "listens": "shows its status; a failover ends after 1 or 2 min", "describes": "shows what AWS knows of it",
        "wait": "aws elasticache wait replication-group-available --replication-group-id {name}",
        "metrics": _METRICS + "ElastiCache --dimensions Name=CacheClusterId,Value={name}",
        "port_variable": "huntaze_cache: {{name: ...}}", "name_variable": "huntaze_cache: {{name: ...}}",
        "credential": "huntaze_cache: {{auth_token: ...}}", "purge_variable": "huntaze_cache",
        "renew": "aws elasticache describe-replication-groups --replication-group-id {name}",
        "renews": "shows the cache; AWS renews its certificates itself, so something else may answer",
        "permit": "aws elasticache modify-user --user-id USER --access-string 'on ~* +@all'",
        "permits": "lets the user do everything: narrow it to the commands and keys in use; changes an object that this collection does not keep",
        "fetch": _CHAIN, "fetches": "shows its chain; huntaze_cache.tls_ca_file has to hold the root, or is left out, as the root of ElastiCache is public",
    },
    "postgresql": {
        "listens": "shows its status; a failover ends after 1 or 2 min", "describes": "shows what AWS knows of it",
        "describe": _DATABASE, "wait": "aws rds wait db-instance-available --db-instance-identifier {name}",
        "metrics": _METRICS + "RDS --dimensions Name=DBInstanceIdentifier,Value={name}",
        "port_variable": "huntaze_database: {{port: {right_port}}}", "name_variable": "huntaze_database: {{endpoint: {endpoint}}}",
        "credential": "huntaze_database: {{user: ..., password: ...}}", "purge_variable": "huntaze_database",
        "renew": "aws rds modify-db-instance --db-instance-identifier {name} --ca-certificate-identifier rds-ca-rsa2048-g1 --apply-immediately",
        "renews": "has RDS issue a new certificate; the instance may restart",
        "permit": "psql -c 'GRANT CONNECT ON DATABASE {database} TO {user}'",
        "permits": "lets the user in; changes an object that this collection does not keep",
        "fetch": "ssh {first} curl -fsSO https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
        "fetches": "fetches the certificates of the CAs of RDS; name the file in huntaze_database.tls_ca_file",
    },
    "agent": {
        "listens": "starts the agent where it is stopped, and proves it", "describes": "brings the agent as declared to its host, and proves it",
        "describe": DEPLOY + "agent,verify", "name_variable": "huntaze_limiter: {{url: ...}}", "credential": "huntaze_limiter: {{bearer_tokens: [...]}}",
        "renew": DEPLOY + "agent,verify", "renews": "brings the certificate of huntaze_limiter.tls to the agents, once it is renewed",
        "metrics": "curl -v https://{host}:{port}/readyz", "fetch": _CHAIN, "fetches": "shows its chain; huntaze_limiter.tls.ca_file has to hold the root",
    },
    "cluster": {
        "describe": "aws elasticache describe-cache-clusters --show-cache-node-info --cache-cluster-id {name}",
        "wait": "aws elasticache wait cache-cluster-available --cache-cluster-id {name}",
        "renew": "aws elasticache describe-cache-clusters --show-cache-node-info --cache-cluster-id {name}",
    },
    "else": {
        "listens": "shows whether it answers now", "describes": "shows all of its answer",
        "describe": "curl -v https://{host}:{port}/", "renew": _CHAIN, "renews": "shows its chain", "metrics": "curl -v https://{host}:{port}/",
        "fetch": _CHAIN, "fetches": "shows its chain",
    },
}


class Situation(str, enum.Enum):
    words: Words

    def __new__(cls, key: str, *words: str) -> Situation:
        situation = str.__new__(cls, key)
        situation._value_ = key
        situation.words = Words(*words)
        return situation

    __str__ = str.__str__

    # The path. AWS's description of the network decides.
    INGRESS_MISSING = (
        "ingress_missing", UNREACHED, "an ingress rule is missing", "{groups_named} does not let tcp {port} in from {origin}", *_GROUPS,
    )
    INGRESS_OTHER_PORT = (
        "ingress_for_another_port", UNREACHED, "an ingress rule is missing: those that let it in are for other ports",
        "{groups_named} lets {origin} in, and not to tcp {port}", *_GROUPS,
    )
    INGRESS_OTHER_PROTOCOL = (
        "ingress_for_another_protocol", UNREACHED, "an ingress rule is missing: the one that lets it in is for another protocol",
        "{groups_named} lets {origin} in to port {port}, and not by tcp", *_GROUPS,
    )
    INGRESS_OTHER_SOURCE = (
        "ingress_for_another_source", UNREACHED, "an ingress rule is missing: those for this port let others in",
        "{groups_named} lets others in to tcp {port}, and not {origin}", *_GROUPS,
    )
    EGRESS_CLOSED = ("egress_closed", UNREACHED, "an egress rule is missing", "{groups_named} does not let tcp {port} out to {target}", *_GROUPS)
    ACL_DENIES = ("acl_denies", UNREACHED, "a network ACL drops the packets", "network ACL {component} drops tcp {port} on its way to {target}", *_ACLS)
    ACL_DENIES_ANSWERS = (
        "acl_denies_answers", UNREACHED, "a network ACL drops the answers", "network ACL {component} drops the answers of {target}", *_ACLS,
    )
    ROUTE_MISSING = ("route_missing", UNREACHED, "a route is missing", "{component} has no route from {vantage} to {target}", *_ROUTES)
    RETURN_ROUTE_MISSING = ("return_route_missing", UNREACHED, "a route back is missing", "{component} has no route from {target} back to {vantage}", *_ROUTES)
    BLACKHOLE = (
        "blackhole", UNREACHED, "a route leads to something that is gone", "{component} leads {way} to something that is gone", *_ROUTES,
    )
    PEERING = (
        "peering", UNREACHED, "the peering connection does not carry it", "{component} does not carry what goes {way}", COMMAND,
        "aws ec2 describe-vpc-peering-connections", "shows its status, and the networks on both sides",
        "aws ec2 describe-vpc-peering-connections", "shows its status, and the networks on both sides",
    )
    PATH_BLOCKED = ("path_blocked", UNREACHED, "a route leads elsewhere", "{component} leads what goes {way} elsewhere", *_ROUTES)
    OUTSIDE_OF_VPC = (
        "outside_of_vpc", UNREACHED, "it is asked from outside of its VPC",
        "{object} has no public address, and {vantage} asked from outside of its VPC", COMMAND,
        "ansible-playbook playbooks/verify.yml", "looks from the hosts inside of the VPC too: name them in huntaze_vantage_points",
        "aws ec2 describe-network-interfaces --filters Name=addresses.private-ip-address,Values={from_address}",
        "shows whether it is the address of an interface in a VPC",
    )
    NOT_PUBLIC = (
        "not_public", UNREACHED, "it is not publicly accessible", "{object} is not publicly accessible, and {vantage} asked from outside of its VPC",
        COMMAND, "ansible-playbook playbooks/verify.yml",
        "looks from the hosts inside of the VPC too; making the database public is a decision, and no repair", _DATABASE, "shows PubliclyAccessible",
    )
    CALLER_IS_AMPLIFY = (
        "caller_is_amplify", UNREACHED, "Amplify Hosting runs in no VPC", "Amplify Hosting runs in no VPC, so no rule and no route lead to {object}", VARIABLE,
        "huntaze_limiter: {{url: https://AGENT:8443}}",
        "lets the app ask the limiter agents over HTTPS, which stand inside of the VPC; a database has to be public for the app, or be asked by an agent",
        _DATABASE, "shows PubliclyAccessible: the app reaches nothing else",
    )
    # The same where AWS's description was not read.
    GROUPS_UNREAD = ("security_groups", UNREACHED, "a security group drops the packets", "a security group drops the packets", *_GROUPS)
    ACLS_UNREAD = ("network_acls", UNREACHED, "a network ACL drops the packets or the answers", "a network ACL drops the packets or the answers", *_ACLS)
    ROUTES_UNREAD = ("routes", UNREACHED, "a route is missing, there or back", "a route is missing, there or back", *_ROUTES)
    HOST_FIREWALL = (
        "host_firewall", UNREACHED, "a firewall on the host may drop the packets", "a firewall on {vantage} drops what goes out to tcp {port}", COMMAND,
        "ssh {first} sudo nft list ruleset", "shows whether {first} itself drops tcp {port}",
        "ssh {first} sudo nft list ruleset", "shows whether {first} itself drops tcp {port}",
    )
    HOST_ROUTE = (
        "host_route", UNREACHED, "the host itself finds no way", "the tables of {vantage} have no route to {address}, or its firewall rejects it", COMMAND,
        "ssh {first} ip route get {address}", "shows the route that {first} takes", "ssh {first} ip route get {address}",
        "shows the route that {first} takes",
    )

    # Names
    DNS_OUTSIDE = (
        "dns_outside", UNREACHED, "its name leads out of the VPC", "{host} leads {vantage} to {address}, which is outside of the VPC of {object}", COMMAND,
        "ssh {first} getent ahosts {host}", "shows what the resolver of {first} answers: it has to be the VPC's own, with DNS support and DNS host names on",
        "ssh {first} getent ahosts {host}", "shows the addresses that it leads to",
    )
    DNS_STALE = (
        "dns_stale", UNREACHED, "its name leads to an address of something else", "{host} leads {vantage} to {address}, which is not an address of {object}",
        COMMAND, "ssh {first} getent ahosts {host}", "shows where it leads {first}; drop its resolver's cache and its lines in /etc/hosts",
        "ssh {first} getent ahosts {host}", "shows whether a cache of the resolver or a line of /etc/hosts holds a former address",
    )
    VPC_DNS_OFF = (
        "vpc_dns_off", UNREACHED, "DNS is off in the VPC", "DNS support is off in the VPC of {vantage}", COMMAND,
        "aws ec2 modify-vpc-attribute --vpc-id {from_vpc} --enable-dns-support Value=true", NOT_KEPT,
        "aws ec2 describe-vpc-attribute --vpc-id {from_vpc} --attribute enableDnsSupport", "shows whether the VPC has a resolver",
    )
    RESOLVER = (
        "resolver", UNREACHED, "the host's resolver does not know its name", "the resolver of {vantage} does not know {host}", COMMAND,
        "ssh {first} getent ahosts {host}", "shows what the resolver of {first} answers", "ssh {first} getent ahosts {host}",
        "shows what the resolver of {first} answers",
    )

    # What stands at the other end
    ENDPOINT_GONE = (
        "endpoint_gone", UNREACHED, "it is asked at an endpoint that is gone", "{host} is no endpoint of {object} any more", COMMAND, DEPLOY + "agent,verify",
        "gives the agents the endpoint that AWS shows now: {endpoint}", _CACHE, "shows the endpoints of today",
    )
    ENDPOINT_UNKNOWN = (
        "endpoint_unknown", UNREACHED, "it is asked at an endpoint that AWS does not show", "{host} is no endpoint of {object}", VARIABLE,
        "huntaze_database: {{endpoint: {endpoint}}}", "names the endpoint that AWS shows", _DATABASE, "shows the endpoint",
    )
    SERVICE_GONE = (
        "service_gone", UNREACHED, "it does not exist", "{object} does not exist in this account and region", COMMAND,
        "ansible-playbook playbooks/drift.yml", "tells what is there; a cache or a database that is gone comes back from a snapshot",
        "ansible-playbook playbooks/drift.yml", "tells whether it is there",
    )
    NOT_AVAILABLE = (
        "not_available", UNREACHED, "it is not available", "{object} is {status}", COMMAND, "{wait}", "waits until AWS says that it is available",
        "{describe}", "shows its status",
    )
    WRONG_PORT = (
        "wrong_port", UNREACHED, "it is asked on another port than its own", "{object} listens on port {right_port}, and {vantage} asked port {port}", VARIABLE,
        "{port_variable}", "asks the port that AWS shows", "{describe}", "shows the port of the endpoint",
    )
    NOT_LISTENING = (
        "not_listening", UNREACHED, "nothing listens there", "nothing listens on {host}:{port}", COMMAND, "{describe}",
        "{listens}", "{describe}", "{listens}",
    )
    OVERLOADED = (
        "overloaded", UNREACHED, "it takes connections and stays silent", "{object} takes connections and stays silent", COMMAND, "{metrics}",
        "shows its load", "{metrics}", "shows its load",
    )
    SOMETHING_ELSE = (
        "something_else", UNREACHED, "something else may answer there", "what answers at {host}:{port} is not {object}", COMMAND,
        "ssh {first} getent ahosts {host}", "shows the address; a proxy, a tunnel or another server may stand there", "ssh {first} getent ahosts {host}",
        "shows whether the address is one of {object}",
    )
    OTHER = (
        "other", REFUSES, "its own words say why", "{target} refuses {vantage}: {words}", COMMAND, "{describe}", "{describes}", "{describe}",
        "{describes}",
    )

    # TLS
    PLAIN_TO_TLS = (
        "plain_to_tls", REFUSES, "it takes TLS only", "{object} takes TLS only, and {vantage} spoke plain text", COMMAND, DEPLOY + "agent,verify",
        "has the agents speak TLS to {endpoint}", _CACHE, "shows TransitEncryptionMode",
    )
    TLS_TO_PLAIN = (
        "tls_to_plain", REFUSES, "it speaks plain text only", "{object} speaks plain text only, and {vantage} spoke TLS", COMMAND,
        DEPLOY + "auth_open,agent,auth_close,verify", "turns TLS on, step by step, without cutting off a client; usually 20 to 40 min", _CACHE,
        "shows TransitEncryptionEnabled",
    )
    NO_TLS_SERVER = (
        "no_tls_server", REFUSES, "it has no TLS", "what answers at {host}:{port} has no TLS, which every RDS instance has", COMMAND, _DATABASE,
        "shows the endpoint of the instance: a proxy such as PgBouncer stands in its place", _DATABASE, "shows the endpoint of the instance",
    )
    TLS_FORCED = (
        "tls_forced", REFUSES, "it takes TLS only", "rds.force_ssl is on at {object}, and {vantage} spoke plain text", VARIABLE,
        "huntaze_app: {{secret_variables: {{DATABASE_URL: ...?sslmode=require}}}}", "has clients speak TLS; the filter postgresql_url writes such a URL",
        "aws rds describe-db-parameters --db-parameter-group-name GROUP --query \"Parameters[?ParameterName=='rds.force_ssl']\"", "shows rds.force_ssl",
    )
    PROXY_TLS = (
        "proxy_wants_tls", REFUSES, "the proxy before it takes TLS only", "a proxy before PostgreSQL takes TLS only, and {vantage} spoke plain text", VARIABLE,
        "huntaze_app: {{secret_variables: {{DATABASE_URL: ...?sslmode=require}}}}", "has clients speak TLS; the filter postgresql_url writes such a URL",
        "aws rds describe-db-proxies", "shows RequireTLS",
    )
    CERT_EXPIRED = (
        "certificate_expired", DISTRUSTED, "its certificate has expired", "the certificate of {target} has expired", COMMAND,
        "{renew}", "{renews}", "ssh {first} date -u", "shows whether the clock of {first} is right",
    )
    CLOCK = (
        "clock", DISTRUSTED, "the host's clock is wrong", "the clock of {vantage} is wrong: the certificate of {target} is valid by AWS's word", COMMAND,
        "ssh {first} sudo chronyc makestep", "sets the clock of {first}", "ssh {first} date -u", "shows the time of {first}",
    )
    CERT_NAME = (
        "certificate_name", DISTRUSTED, "its certificate is for another name", "the certificate of {target} is not for {host}", VARIABLE, "{name_variable}",
        "asks {target} by the name that its certificate bears: {endpoint}", "{describe}", "shows the endpoint that the certificate is for",
    )
    CERT_CA = (
        "certificate_ca", DISTRUSTED, "the CA file does not hold its CA", "the CA file of {vantage} does not hold the CA of {target}{ca}", COMMAND,
        "{fetch}", "{fetches}",
        _DATABASE, "shows CACertificateIdentifier",
    )
    CERT_CA_OLD = (
        "certificate_ca_old", DISTRUSTED, "its certificate is of RDS's CA of 2019", "{object} still bears a certificate of {ca_id}, which has ended", COMMAND,
        "aws rds modify-db-instance --db-instance-identifier {name} --ca-certificate-identifier rds-ca-rsa2048-g1 --apply-immediately",
        "gives it a certificate of today's CA; clients need global-bundle.pem first, and the instance may restart",
        _DATABASE, "shows CACertificateIdentifier",
    )
    TLS_DISAGREES = (
        "tls_disagrees", REFUSES, "TLS cannot be agreed on", "no version or cipher of TLS is common to {vantage} and {target}", COMMAND,
        "ssh {first} " + _CHAIN, "shows what is offered", "ssh {first} " + _CHAIN, "shows what is offered",
    )

    # Credentials
    AUTH_WANTED = (
        "credentials_wanted", REFUSES, "it asks for credentials and got none", "{object} asks for credentials, and {vantage} gave none", VARIABLE,
        "{credential}", "gives clients the credentials", "{describe}", "shows whether credentials are asked for",
    )
    TOKEN_ROTATED = (
        "token_rotated", REFUSES, "the token was changed elsewhere", "the token of {object} was changed elsewhere{since}", COMMAND,
        "ansible-playbook deploy.yml",
        "makes huntaze_cache.auth_token the only token again and cuts off whoever has the other one; or name the other one there first",
        _CACHE, "shows AuthTokenLastModifiedDate: later than the last deployment, somebody else changed the token",
    )
    TOKEN_WRONG = (
        "token_wrong", REFUSES, "the token is not the one in force", "huntaze_cache.auth_token is not the token that the last deployment made the only one",
        VARIABLE, "{credential}",
        "has to name the token of the last deployment; deploy.yml would make the one it names now the only one and cut off whoever has the other",
        "aws elasticache list-tags-for-resource --resource-name {arn}", "shows the note of the last deployment, huntaze:auth-token",
    )
    AUTH_OFF = (
        "auth_off", REFUSES, "AUTH is off", "AUTH is off at {object}, and {vantage} sent a token", COMMAND, DEPLOY + "auth_open,agent,auth_close,verify",
        "turns AUTH on, without cutting off a client", _CACHE, "shows AuthTokenEnabled",
    )
    AUTH_OPTIONAL = (
        "auth_optional", LETS_IN, "AUTH is not enforced", "{object} accepts the token and lets in clients without one", COMMAND, DEPLOY + "auth_close,verify",
        "makes the token the only way in", _CACHE, "shows AuthTokenEnabled and PendingModifiedValues",
    )
    USERS_DECIDE = (
        "users_decide", REFUSES, "users decide and not the token", "the user group {users} of {object} decides who gets in, and no token does", COMMAND,
        "aws elasticache describe-users", "shows the users; each has passwords of its own", _CACHE, "shows UserGroupIds",
    )
    PERMISSION = (
        "permission", REFUSES, "the user may not do this", "{object} knows the user of {vantage}, who may not do this", COMMAND, "{permit}", "{permits}",
        "aws elasticache describe-users", "shows the AccessString of each user",
    )
    DATABASE_PASSWORD = (
        "database_password", REFUSES, "the password or the user is wrong", "{object} does not accept the password of user {user}", VARIABLE,
        "huntaze_database: {{user: ..., password: ...}}", "gives clients the credentials that the database knows", _DATABASE,
        "shows MasterUsername, and MasterUserSecret where Secrets Manager changes the password",
    )
    PASSWORD_MANAGED = (
        "password_managed", REFUSES, "Secrets Manager changes the password", "Secrets Manager keeps and changes the password of {object}", COMMAND,
        "aws secretsmanager get-secret-value --secret-id {secret}", "shows the password in force; huntaze_database.password has to follow it",
        _DATABASE, "shows MasterUserSecret",
    )
    PROXY_AUTH = (
        "proxy_authentication", REFUSES, "the proxy before it does not know the user", "RDS Proxy before PostgreSQL does not know the user, or takes IAM only",
        COMMAND, "aws rds describe-db-proxies", "shows Auth: the secrets of the users that the proxy knows", "aws rds describe-db-proxies",
        "shows Auth: the secrets of the users that the proxy knows",
    )
    NO_DATABASE = (
        "database_missing", REFUSES, "it has no such database", "{object} has no database {database}", VARIABLE, "huntaze_database: {{name: ...}}",
        "names a database that is there{first_database}", _DATABASE, "shows DBName, the database that it was made with",
    )
    HBA = (
        "own_rules", REFUSES, "its own rules refuse the client", "the rules of {object} refuse this address, user or database", COMMAND, _DATABASE,
        "shows its parameters; on RDS rules of pg_hba.conf follow from rds.force_ssl alone", _DATABASE, "shows its parameter group",
    )

    # Room
    MAX_CLIENTS = (
        "max_clients", REFUSES, "it is at its limit of clients", "{object} is at its limit of clients", COMMAND, "{metrics}",
        "shows CurrConnections; clients that keep connections have to give some back, or the node has to grow", "{metrics}", "shows CurrConnections",
    )
    TOO_MANY_CONNECTIONS = (
        "too_many_connections", REFUSES, "it has no connection left", "{object} has no connection left{limit}", COMMAND, "{metrics}",
        "shows DatabaseConnections; a pool such as RDS Proxy, or a larger max_connections, makes room", "{metrics}", "shows DatabaseConnections",
    )
    ROLE_LIMIT = (
        "role_limit", REFUSES, "the user has no connection left", "user {user} has no connection left at {object}", COMMAND,
        "psql -c \"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{user}'\"", "shows the limit; ALTER ROLE ... CONNECTION LIMIT changes it",
        "psql -c \"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{user}'\"", "shows the limit",
    )
    POOL_FULL = (
        "pool_full", REFUSES, "the pool before it has no connection left", "a pool before {object} has no connection left, or does not reach it", COMMAND,
        "psql -p {port} pgbouncer -c 'SHOW POOLS'", "shows the pools of PgBouncer", "psql -p {port} pgbouncer -c 'SHOW POOLS'", "shows the pools of PgBouncer",
    )
    LOADING = (
        "loading", REFUSES, "it is starting", "{object} is starting, or busy with itself", COMMAND, "{describe}", "shows its status; try again in 1 or 2 min",
        "{describe}", "shows its status",
    )

    # What must not work, and does
    PLAIN_TEXT_TAKEN = (
        "plain_text_taken", LETS_IN, "plain text is accepted", "{object} takes plain text: transit encryption is {mode}", COMMAND,
        DEPLOY + "auth_open,agent,auth_close,verify", "has all clients speak TLS, then requires it", _CACHE, "shows TransitEncryptionMode",
    )
    RULE_TOO_WIDE = (
        "rule_too_wide", LETS_IN, "a rule lets strangers in", "{rule_group} lets tcp {port} in from {source}, and so from {vantage}", VARIABLE,
        "{purge_variable}: {{purge_ingress: true}}", "has a deployment revoke rules for this port that nobody declared; whoever uses them is cut off",
        _RULES, "shows the rules for tcp {port}",
    )
