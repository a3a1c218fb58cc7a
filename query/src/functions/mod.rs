//! The SQL functions of ours, by name. None is needed to read the lake; each is plain code without a session, so that
//! a plan that names them can be run elsewhere. `query/FUNCTIONS.md` is made of what they say about themselves.

pub(crate) mod json_path;
pub(crate) mod scalar;
mod arguments;
mod json_values;
mod lists;
mod numbers;
mod arn;
mod policy;
pub(crate) mod networks;
mod ip;
mod ports;
pub mod geoip;
mod athena;
#[cfg(test)]
mod reference;

use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

/// All of them, as the reference page has them.
#[must_use]
pub fn all() -> Vec<Arc<ScalarUDF>> {
    let ours = [
        json_values::json_values(),
        json_values::json_items(),
        json_path::json_path(),
        lists::in_list(),
        lists::as_list(),
        lists::mentions_any(),
        numbers::try_int(),
        numbers::any_at_most(),
        arn::arn_account(),
        arn::arn_partition(),
        arn::arn_service(),
        arn::arn_region(),
        arn::arn_resource(),
        arn::arn_resource_type(),
        arn::arn_resource_name(),
        policy::any_account_outside(),
        policy::policy_public(),
        policy::policy_outside(),
        policy::policy_admin(),
        ip::ip_in(),
        ip::is_public_ip(),
        ip::net24(),
        ip::ip_order(),
        geoip::country(),
        geoip::asn(),
        geoip::as_org(),
        ports::sg_world_ports(),
        ports::any_port_in(),
        ports::any_port_outside(),
    ];
    ours.into_iter().chain(athena::all()).collect()
}
