//! The places at which the integration touches an instance, each with a role of its own.

/// Where the integration touches an instance. Each can have a credential of its own, whose user has the role for that and
/// no other: [`ClientBuilder::auth_for`](crate::ClientBuilder::auth_for).
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
/// use openfactory_sn::{Auth, Client, IntegrationPoint, Secret, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let found = || Reply::result(200, json!({"sys_id": "a1"}));
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/a1").header("x-sn-apikey", "for-all"), found())
///     .on(Expected::get("/api/now/table/cmdb_ci_server/a1").header("x-sn-apikey", "for-cmdb"), found());
/// let sn = Client::builder("https://plant.example.com")
///     .auth(Auth::api_key(Secret::new("for-all")))
///     .auth_for(IntegrationPoint::Cmdb, Auth::api_key(Secret::new("for-cmdb")))
///     .transport(instance.clone())
///     .build()?;
/// let id = SysId::new("a1")?;
/// sn.dynamic_table("incident").get(&id).await?;
/// sn.dynamic_table("cmdb_ci_server").get(&id).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IntegrationPoint {
    /// Change requests, their tasks and approvals.
    Change,
    /// Configuration items and their relations.
    Cmdb,
    /// Governance, risk and compliance.
    Grc,
    /// Incidents.
    Incident,
}

impl IntegrationPoint {
    /// The point that a table belongs to; `None` for one that several share, such as users.
    ///
    /// ```
    /// use openfactory_sn::IntegrationPoint;
    ///
    /// assert_eq!(IntegrationPoint::of_table("sn_grc_issue"), Some(IntegrationPoint::Grc));
    /// assert_eq!(IntegrationPoint::of_table("change_task"), Some(IntegrationPoint::Change));
    /// assert_eq!(IntegrationPoint::of_table("sys_user"), None);
    /// ```
    #[must_use]
    pub fn of_table(table: &str) -> Option<Self> {
        const PREFIXES: &[(&str, IntegrationPoint)] = &[
            ("change_", IntegrationPoint::Change),
            ("chg_", IntegrationPoint::Change),
            ("std_change_", IntegrationPoint::Change),
            ("sysapproval_", IntegrationPoint::Change),
            ("cmdb", IntegrationPoint::Cmdb),
            ("u_cmdb", IntegrationPoint::Cmdb),
            ("incident", IntegrationPoint::Incident),
            ("sn_grc_", IntegrationPoint::Grc),
            ("sn_compliance_", IntegrationPoint::Grc),
            ("sn_audit_", IntegrationPoint::Grc),
            ("sn_risk_", IntegrationPoint::Grc),
        ];
        PREFIXES.iter().find(|(prefix, _)| table.starts_with(prefix)).map(|(_, point)| *point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_belong_to_points() {
        let of = IntegrationPoint::of_table;
        assert_eq!(of("change_request"), Some(IntegrationPoint::Change));
        assert_eq!(of("cmdb_rel_ci"), Some(IntegrationPoint::Cmdb));
        assert_eq!(of("sn_grc_item"), Some(IntegrationPoint::Grc));
        assert_eq!(of("incident"), Some(IntegrationPoint::Incident));
        assert_eq!(of("sys_user"), None);
    }
}
