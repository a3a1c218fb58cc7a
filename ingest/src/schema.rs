//! The node table: every member of a CloudTrail record that has a column of its own.
//!
//! It drives the scanner, the columns, `rest`, the rebuild, the Arrow schema, the SQL names and the generated
//! reference page, so a field is added in one line here. A member that is not in the table is not lost: it goes
//! to the column `rest`. Fields and their first version: AWS CloudTrail user guide, "Record contents", "userIdentity
//! element", "Insights event record contents" and "Aggregated events" (eventVersion 1.11).

use arrow::datatypes::{DataType, Field, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use std::sync::{Arc, LazyLock};

/// Number of a node in [`Schema::nodes`]; 0 is the record itself.
pub type NodeId = u8;

/// How the value of a member becomes a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A JSON string, unescaped.
    Text,
    /// `YYYY-MM-DDTHH:MM:SSZ` as microseconds since 1970, UTC.
    Time,
    /// `true` or `false`.
    Bool,
    /// Any JSON value, as its own text.
    Json,
    /// An object whose members are nodes themselves; it has no column.
    Object,
    /// `resources`: a list of structs, see [`RESOURCE_FIELDS`].
    Resources,
}

/// The tables that hold records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Management, data, network activity and Insights records.
    Events,
    /// Aggregated-activity records: a time window instead of a time, `eventId` instead of `eventID`.
    Aggregated,
}

/// One member of a record.
#[derive(Debug)]
pub struct Node {
    /// Its key, as AWS writes it.
    pub name: &'static str,
    /// Its keys from the record down, joined by dots: `userIdentity.arn`.
    pub path: &'static str,
    /// How its value becomes a column.
    pub kind: Kind,
    /// The object it is in.
    pub parent: NodeId,
    /// The members, for [`Kind::Object`].
    pub children: Vec<NodeId>,
    /// Its column in the files: the path in lower case, dots as `_`. Empty for objects.
    pub column: String,
    /// One sentence for the reference page.
    pub doc: &'static str,
    /// Has a column in `events`.
    pub in_events: bool,
    /// Has a column in `aggregated`.
    pub in_aggregated: bool,
}

impl Node {
    /// Whether this member has a column, or members with columns, in `table`.
    #[must_use]
    pub fn is_in(&self, table: Table) -> bool {
        match table {
            Table::Events => self.in_events,
            Table::Aggregated => self.in_aggregated,
        }
    }
}

/// The whole table; [`SCHEMA`] is its only instance.
#[derive(Debug)]
pub struct Schema {
    /// Nodes by number; the record itself first, parents before children.
    pub nodes: Vec<Node>,
}

/// The node table.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::build);

/// The fields of a `resources` entry: key in the JSON, name in the column.
pub const RESOURCE_FIELDS: [(&str, &str); 4] =
    [("ARN", "arn"), ("ARNPrefix", "arnprefix"), ("accountId", "accountid"), ("type", "type")];

/// Columns of ours, behind AWS's, in both tables: name, kind, doc.
pub const OURS: [(&str, Kind, &str); 5] = [
    (
        "actor",
        Kind::Text,
        "Who really did it: the issuer of the session, else the ARN, else the service or name.",
    ),
    ("rest", Kind::Json, "What the typed columns do not carry, at its path; on rebuild it wins."),
    ("sourcefile", Kind::Text, "Key or path of the log object the record came in."),
    ("sourcehash", Kind::Text, "Identity of that log object: 128 bits in hex, of bucket, key and version."),
    ("ingesttime", Kind::Time, "When the record was written to the lake."),
];

/// Members of `requestParameters` that people search for, most used first: key, column. Each has a column of its own in the
/// files of `events`, beside the JSON that has it as well: one in a hundred of the bytes is read to find a bucket. They are
/// no columns of the table in the Delta log, since they say nothing that the others do not; a file without them is as good.
///
/// On a million events all of these take 0.5 MB of 94. `key` would take 3.0 MB, since nearly every object of S3 is another,
/// and `credentials.accessKeyId` of `responseElements` 1.0 MB; both are left to the JSON.
pub const SEARCHED: [(&str, &str); 12] = [
    ("bucketName", "requestparameters_bucketname"),
    ("userName", "requestparameters_username"),
    ("name", "requestparameters_name"),
    ("roleArn", "requestparameters_rolearn"),
    ("roleName", "requestparameters_rolename"),
    ("instanceId", "requestparameters_instanceid"),
    ("functionName", "requestparameters_functionname"),
    ("policyArn", "requestparameters_policyarn"),
    ("keyId", "requestparameters_keyid"),
    ("tableName", "requestparameters_tablename"),
    ("secretId", "requestparameters_secretid"),
    ("groupId", "requestparameters_groupid"),
];

/// The column whose members are [`SEARCHED`].
pub const SEARCHED_IN: &str = "requestparameters";

/// The partition column, not in the files: the day of the record, UTC.
pub const DATE: &str = "date";

const EVENTS: u8 = 1;
const AGGREGATED: u8 = 2;
const BOTH: u8 = 3;

type Row = (&'static str, Kind, u8, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &{
    use Kind::{Bool, Json, Object, Resources, Text, Time};
    [
    ("eventVersion", Text, BOTH, "Version of the record format, major.minor."),
    ("userIdentity", Object, EVENTS, "Who made the request."),
    ("userIdentity.type", Text, EVENTS, "Root, IAMUser, AssumedRole, Role, FederatedUser, Directory, AWSAccount, AWSService, IdentityCenterUser, SAMLUser, WebIdentityUser or Unknown."),
    ("userIdentity.principalId", Text, EVENTS, "Unique id of the principal; for a role session, role id and session name."),
    ("userIdentity.arn", Text, EVENTS, "ARN of the principal."),
    ("userIdentity.accountId", Text, EVENTS, "Account of the principal."),
    ("userIdentity.accessKeyId", Text, EVENTS, "Access key that signed the request; empty for some console actions."),
    ("userIdentity.userName", Text, EVENTS, "Friendly name; HIDDEN_DUE_TO_SECURITY_REASONS on a sign-in with a wrong name."),
    ("userIdentity.sessionContext", Object, EVENTS, "The session, when temporary credentials were used."),
    ("userIdentity.sessionContext.sessionIssuer", Object, EVENTS, "Who issued the temporary credentials."),
    ("userIdentity.sessionContext.sessionIssuer.type", Text, EVENTS, "Root, IAMUser or Role."),
    ("userIdentity.sessionContext.sessionIssuer.principalId", Text, EVENTS, "Unique id of the issuer."),
    ("userIdentity.sessionContext.sessionIssuer.arn", Text, EVENTS, "ARN of the role or user that issued the session."),
    ("userIdentity.sessionContext.sessionIssuer.accountId", Text, EVENTS, "Account of the issuer."),
    ("userIdentity.sessionContext.sessionIssuer.userName", Text, EVENTS, "Name of the role or user that issued the session."),
    ("userIdentity.sessionContext.webIdFederationData", Object, EVENTS, "Web identity federation."),
    ("userIdentity.sessionContext.webIdFederationData.federatedProvider", Text, EVENTS, "The identity provider."),
    ("userIdentity.sessionContext.webIdFederationData.attributes", Json, EVENTS, "Application id and user id, as the provider gave them."),
    ("userIdentity.sessionContext.attributes", Object, EVENTS, "Attributes of the session."),
    ("userIdentity.sessionContext.attributes.creationDate", Text, EVENTS, "When the temporary credentials were issued, as delivered (several formats exist)."),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", Text, EVENTS, "\"true\" when MFA was used for the session."),
    ("userIdentity.sessionContext.sourceIdentity", Text, EVENTS, "Source identity set when the role was assumed."),
    ("userIdentity.sessionContext.assumedRoot", Text, EVENTS, "\"true\" for a session of AssumeRoot."),
    ("userIdentity.sessionContext.ec2RoleDelivery", Text, EVENTS, "Version of the instance metadata service that gave the credentials: 1.0 or 2.0."),
    ("userIdentity.sessionContext.ec2IssuedInVpc", Text, EVENTS, "VPC in which the instance credentials were issued."),
    ("userIdentity.invokedBy", Text, EVENTS, "The AWS service that made the request."),
    ("userIdentity.invokedByDelegate", Object, EVENTS, "The account a service acted for."),
    ("userIdentity.invokedByDelegate.accountId", Text, EVENTS, "Account of the delegate."),
    ("userIdentity.identityProvider", Text, EVENTS, "The external identity provider, for SAML and web identity."),
    ("userIdentity.credentialId", Text, EVENTS, "Credential id, for bearer tokens."),
    ("userIdentity.onBehalfOf", Object, EVENTS, "The IAM Identity Center user behind the call."),
    ("userIdentity.onBehalfOf.userId", Text, EVENTS, "Identity Center user id."),
    ("userIdentity.onBehalfOf.identityStoreArn", Text, EVENTS, "ARN of the identity store."),
    ("userIdentity.inScopeOf", Object, EVENTS, "The service or resource the credentials are for."),
    ("userIdentity.inScopeOf.sourceArn", Text, EVENTS, "ARN of the resource."),
    ("userIdentity.inScopeOf.sourceAccount", Text, EVENTS, "Account of the resource."),
    ("userIdentity.inScopeOf.issuerType", Text, EVENTS, "Type of the issuer."),
    ("userIdentity.inScopeOf.credentialsIssuedTo", Text, EVENTS, "What the credentials were issued to."),
    ("eventTime", Time, EVENTS, "When the request completed, UTC."),
    ("eventSource", Text, BOTH, "The service: s3.amazonaws.com."),
    ("eventName", Text, EVENTS, "The API call."),
    ("awsRegion", Text, BOTH, "Region of the request; us-east-1 for global services."),
    ("sourceIPAddress", Text, EVENTS, "Address of the caller, or the name of an AWS service."),
    ("userAgent", Text, EVENTS, "What the caller said it is; written by the caller."),
    ("errorCode", Text, EVENTS, "Error of the service; absent on success."),
    ("errorMessage", Text, EVENTS, "Description of the error."),
    ("requestParameters", Json, EVENTS, "Parameters of the request; their shape depends on the API."),
    ("responseElements", Json, EVENTS, "Response of calls that change something; null on reads."),
    ("additionalEventData", Json, EVENTS, "More data about the event, by service."),
    ("requestID", Text, EVENTS, "Id of the request, by the service."),
    ("eventID", Text, EVENTS, "GUID of the event."),
    ("readOnly", Bool, EVENTS, "Whether the call only reads."),
    ("resources", Resources, EVENTS, "Resources the event accessed."),
    ("eventType", Text, BOTH, "AwsApiCall, AwsServiceEvent, AwsConsoleAction, AwsConsoleSignIn, AwsVpceEvent, AwsCloudTrailInsight or AwsAggregatedEvent."),
    ("apiVersion", Text, EVENTS, "Version of the API."),
    ("managementEvent", Bool, EVENTS, "Whether it is a management event."),
    ("recipientAccountId", Text, EVENTS, "Account that received the event."),
    ("sharedEventID", Text, EVENTS, "Common id of the copies that several accounts receive of one action."),
    ("vpcEndpointId", Text, EVENTS, "VPC endpoint of the request."),
    ("vpcEndpointAccountId", Text, EVENTS, "Owner of that endpoint."),
    ("eventCategory", Text, BOTH, "Management, Data, NetworkActivity, Insight or Aggregated."),
    ("sessionCredentialFromConsole", Text, EVENTS, "\"true\" when the credentials came from a console session."),
    ("annotation", Text, EVENTS, "Remark that CloudTrail Lake adds."),
    ("addendum", Object, EVENTS, "Why the record was delivered late or again."),
    ("addendum.reason", Text, EVENTS, "DELIVERY_DELAY, UPDATED_DATA or SERVICE_OUTAGE."),
    ("addendum.updatedFields", Text, EVENTS, "Fields that the record corrects."),
    ("addendum.originalRequestID", Text, EVENTS, "requestID of the record it corrects."),
    ("addendum.originalEventID", Text, EVENTS, "eventID of the record it corrects."),
    ("tlsDetails", Object, EVENTS, "TLS of the connection."),
    ("tlsDetails.tlsVersion", Text, EVENTS, "TLS version."),
    ("tlsDetails.cipherSuite", Text, EVENTS, "Cipher suite."),
    ("tlsDetails.clientProvidedHostHeader", Text, EVENTS, "Host the client asked for."),
    ("tlsDetails.keyExchange", Text, EVENTS, "Key exchange, among them post-quantum ones."),
    ("serviceEventDetails", Json, EVENTS, "Details of a service event."),
    ("insightDetails", Json, EVENTS, "Details of an Insights event."),
    ("edgeDeviceDetails", Json, EVENTS, "The edge device, for S3 on Outposts."),
    ("eventContext", Json, EVENTS, "Tags and condition keys, in event data stores."),
    ("accountId", Text, AGGREGATED, "Account of the aggregated activity."),
    ("eventId", Text, AGGREGATED, "Id of the aggregated record."),
    ("timeWindow", Object, AGGREGATED, "The window that was aggregated."),
    ("timeWindow.windowStart", Time, AGGREGATED, "Its begin, UTC."),
    ("timeWindow.windowEnd", Time, AGGREGATED, "Its end, UTC."),
    ("timeWindow.windowSize", Text, AGGREGATED, "Its length, ISO 8601: PT5M."),
    ("summary", Json, AGGREGATED, "Dimensions and their statistics."),
    ]
};

impl Schema {
    fn build() -> Self {
        let root = Node {
            name: "",
            path: "",
            kind: Kind::Object,
            parent: 0,
            children: vec![],
            column: String::new(),
            doc: "The record.",
            in_events: true,
            in_aggregated: true,
        };
        let mut schema = Self { nodes: vec![root] };
        for &row in ROWS {
            schema.add(row);
        }
        schema
    }

    fn add(&mut self, (path, kind, tables, doc): Row) {
        let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
        let parent = self.find(above).expect("a parent is listed before its children");
        let id =
            NodeId::try_from(self.nodes.len()).expect("fewer than 128 nodes, one bit each in the scanner");
        let column = if kind == Kind::Object { String::new() } else { path.to_lowercase().replace('.', "_") };
        let (in_events, in_aggregated) = (tables & EVENTS != 0, tables & AGGREGATED != 0);
        let children = vec![];
        self.nodes.push(Node { name, path, kind, parent, children, column, doc, in_events, in_aggregated });
        self.nodes[usize::from(parent)].children.push(id);
    }

    /// The node with this path, in AWS's letter case; the empty path is the record.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.path == path).and_then(|i| NodeId::try_from(i).ok())
    }

    /// The node with this number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[usize::from(id)]
    }

    /// The nodes with a column in `table`, in the order of the columns.
    pub fn columns(&self, table: Table) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).zip(&self.nodes).filter(move |(_, n)| n.kind != Kind::Object && n.is_in(table))
    }
}

/// The Arrow type of a column.
#[must_use]
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Json | Kind::Object => DataType::Utf8,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Bool => DataType::Boolean,
        Kind::Resources => DataType::List(Arc::new(resource_item())),
    }
}

/// The entry of the list `resources`; named `element` as Parquet and Delta name it.
#[must_use]
pub fn resource_item() -> Field {
    let fields = RESOURCE_FIELDS.map(|(_, column)| Field::new(column, DataType::Utf8, true));
    Field::new("element", DataType::Struct(Fields::from(fields.to_vec())), true)
}

/// What a data file of `table` holds: the columns of the nodes, in `events` those of [`SEARCHED`], then [`OURS`]. The
/// partition column [`DATE`] is not in the file.
#[must_use]
pub fn file_schema(table: Table) -> SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 2]> =
        LazyLock::new(|| [Table::Events, Table::Aggregated].map(build_schema));
    Arc::clone(&SCHEMAS[usize::from(table == Table::Aggregated)])
}

fn build_schema(table: Table) -> SchemaRef {
    let theirs = SCHEMA.columns(table).map(|(_, n)| Field::new(&n.column, data_type(n.kind), true));
    let searched = searched(table).iter().map(|&(_, column)| Field::new(column, DataType::Utf8, true));
    let ours = OURS.iter().map(|&(name, kind, _)| Field::new(name, data_type(kind), true));
    Arc::new(ArrowSchema::new(theirs.chain(searched).chain(ours).collect::<Vec<_>>()))
}

/// [`SEARCHED`], in the table that has `requestParameters`.
#[must_use]
pub fn searched(table: Table) -> &'static [(&'static str, &'static str)] {
    match table {
        Table::Events => &SEARCHED,
        Table::Aggregated => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_one_bit_in_the_scanner() {
        assert!(SCHEMA.nodes.len() <= 128, "{} nodes", SCHEMA.nodes.len());
    }

    #[test]
    fn columns_are_unique_and_documented() {
        for table in [Table::Events, Table::Aggregated] {
            let schema = file_schema(table);
            let mut names = schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), schema.fields().len());
        }
        assert!(SCHEMA.nodes.iter().all(|n| n.doc.ends_with('.')));
    }

    #[test]
    fn a_searched_member_has_the_column_of_its_path() {
        for (key, column) in SEARCHED {
            assert_eq!(column, format!("{SEARCHED_IN}_{}", key.to_lowercase()));
        }
    }

    #[test]
    fn a_path_becomes_a_leaf_column() {
        let issuer = SCHEMA.find("userIdentity.sessionContext.sessionIssuer.arn").unwrap();
        assert_eq!(SCHEMA.node(issuer).column, "useridentity_sessioncontext_sessionissuer_arn");
        assert_eq!(SCHEMA.find("userIdentity.ARN"), None);
    }
}
