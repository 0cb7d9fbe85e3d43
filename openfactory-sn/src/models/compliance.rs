//! Governance, risk and compliance: items, controls, their tests, indicators and issues.
//!
//! These tables come with plugins. Results of indicators are the instance's own to write; test evidence goes to a
//! [`control_test::ControlTest`], a deviation to an [`issue::Issue`].

/// `sn_grc_item`, the parent of controls and risks.
pub mod item {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What is governed: on a stock instance always a control, a risk or the like.
        ///
        /// ```
        /// use openfactory_sn::Query;
        /// use openfactory_sn::models::compliance::item::{CLASS, Item, NAME};
        /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
        /// # use serde_json::json;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let item = json!({"sys_id": "g1", "name": "Image integrity", "sys_class_name": "sn_compliance_control"});
        /// let instance =
        ///     ScriptedTransport::new().on(Expected::get("/api/now/table/sn_grc_item"), Reply::result(200, json!([item])));
        /// let controls = Query::new().and(CLASS.is_class_or_below("sn_compliance_control")).and(NAME.contains("integrity"));
        /// let mut items = client(&instance).table::<Item>().list(&controls)?;
        /// let item = items.try_next().await?.ok_or("no such item")?;
        /// assert_eq!((item.sys_id().as_str(), item.name.as_str()), ("g1", "Image integrity"));
        /// # Ok(())
        /// # }
        /// ```
        Item in "sn_grc_item" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// Its class's table.
            CLASS sys_class_name: String,
            /// What it is about.
            PROFILE profile: Reference,
            /// A choice.
            STATE state: String,
        }
    }
}

/// `sn_compliance_control`: a control objective as it holds for one entity.
pub mod control {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// A control objective as it holds for one entity.
        ///
        /// ```
        /// use openfactory_sn::SysId;
        /// use openfactory_sn::models::compliance::control::Control;
        /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
        /// # use serde_json::json;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let control = json!({"sys_id": "g1", "number": "CTRL0010001", "profile": "e1", "status": "non_compliant"});
        /// let instance = ScriptedTransport::new()
        ///     .on(Expected::get("/api/now/table/sn_compliance_control/g1"), Reply::result(200, control));
        /// let control = client(&instance).table::<Control>().get(&SysId::new("g1")?).await?;
        /// assert_eq!((control.sys_id().as_str(), control.status.as_str()), ("g1", "non_compliant"));
        /// # Ok(())
        /// # }
        /// ```
        Control in "sn_compliance_control" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// The objective.
            CONTENT content: Reference,
            /// The entity.
            PROFILE profile: Reference,
            /// A choice: draft, attest, review, monitor, retired.
            STATE state: String,
            /// A choice: compliant, non_compliant, not_applicable.
            STATUS status: String,
            /// How it is put into practice.
            IMPLEMENTATION_STATEMENT implementation_statement: String,
        }
    }
}

/// `sn_audit_control_test`: whether a control works.
pub mod control_test {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// Whether a control works.
        ///
        /// ```
        /// use openfactory_sn::models::compliance::control_test::{ACTUAL_RESULTS, CONTROL, ControlTest, OPERATION_EFFECTIVENESS};
        /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
        /// use openfactory_sn::{CorrelationId, Fields, SysId};
        /// # use serde_json::json;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let key = SysId::derived("sn_audit_control_test", &CorrelationId::new("boot/edge-0001/7")?);
        /// let fields = Fields::new()
        ///     .with_field(CONTROL, &SysId::new("g1")?)
        ///     .with_field(OPERATION_EFFECTIVENESS, "effective")
        ///     .with_field(ACTUAL_RESULTS, "The image booted with the root hash of its document");
        /// let path = "/api/now/table/sn_audit_control_test";
        /// let made = json!({"sys_id": key, "control": "g1", "control_effectiveness": "effective"});
        /// let instance =
        ///     ScriptedTransport::new().on(Expected::post(path).field("control", "g1"), Reply::result(201, made));
        /// let (test, _) = client(&instance).table::<ControlTest>().ensure(&key, &fields).await?;
        /// assert_eq!((test.sys_id(), test.control_effectiveness.as_str()), (&key, "effective"));
        /// # Ok(())
        /// # }
        /// ```
        ControlTest in "sn_audit_control_test" {
            /// Its number.
            NUMBER number: Number,
            /// The control.
            CONTROL control: Reference,
            /// One line.
            SHORT_DESCRIPTION short_description: String,
            /// `effective` or `ineffective`.
            DESIGN_EFFECTIVENESS design_effectiveness: String,
            /// `effective` or `ineffective`.
            OPERATION_EFFECTIVENESS operation_effectiveness: String,
            /// Computed from the two: only read.
            CONTROL_EFFECTIVENESS control_effectiveness: String,
            /// What was found.
            ACTUAL_RESULTS actual_results: String,
            /// A choice.
            STATE state: String,
        }
    }
}

/// `sn_grc_indicator`: what measures a control by itself.
pub mod indicator {
    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What measures a control by itself.
        ///
        /// ```
        /// use openfactory_sn::Query;
        /// use openfactory_sn::models::compliance::indicator::{ACTIVE, Indicator, LAST_RESULT_PASSED};
        /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
        /// # use serde_json::json;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let found = json!([{"sys_id": "n1", "name": "Drifted devices", "active": "true", "last_result_passed": "false"}]);
        /// let instance =
        ///     ScriptedTransport::new().on(Expected::get("/api/now/table/sn_grc_indicator"), Reply::result(200, found));
        /// let alarming = Query::new().and(ACTIVE.is(true)).and(LAST_RESULT_PASSED.is(false));
        /// let mut indicators = client(&instance).table::<Indicator>().list(&alarming)?;
        /// let indicator = indicators.try_next().await?.ok_or("all is well")?;
        /// assert_eq!((indicator.sys_id().as_str(), indicator.name.as_str()), ("n1", "Drifted devices"));
        /// # Ok(())
        /// # }
        /// ```
        Indicator in "sn_grc_indicator" {
            /// Its number.
            NUMBER number: Number,
            /// Its name.
            NAME name: String,
            /// What it measures.
            ITEM item: Reference,
            /// Whether the last measurement was good.
            LAST_RESULT_PASSED last_result_passed: bool,
            /// Whether it measures.
            ACTIVE active: bool,
        }
    }
}

/// `sn_grc_issue`: what is wrong.
pub mod issue {
    use std::time::SystemTime;

    use crate::id::Number;
    use crate::record::record;
    use crate::value::Reference;

    record! {
        /// What is wrong.
        ///
        /// ```
        /// use openfactory_sn::models::compliance::issue::{ITEM, Issue, SHORT_DESCRIPTION};
        /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
        /// use openfactory_sn::{CorrelationId, Fields, SysId};
        /// # use serde_json::json;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let key = SysId::derived("sn_grc_issue", &CorrelationId::new("deviation/edge-0001")?);
        /// let fields = Fields::new()
        ///     .with_field(ITEM, &SysId::new("g1")?)
        ///     .with_field(SHORT_DESCRIPTION, "edge-0001 runs an image that nobody approved");
        /// let made = json!({"sys_id": key, "item": "g1", "number": "ISS0010001"});
        /// let instance = ScriptedTransport::new()
        ///     .on(Expected::post("/api/now/table/sn_grc_issue").field("item", "g1"), Reply::result(201, made));
        /// let (issue, created) = client(&instance).table::<Issue>().ensure(&key, &fields).await?;
        /// assert!(created && issue.sys_id() == &key);
        /// # Ok(())
        /// # }
        /// ```
        Issue in "sn_grc_issue" {
            /// Its number.
            NUMBER number: Number,
            /// One line.
            SHORT_DESCRIPTION short_description: String,
            /// The whole text.
            DESCRIPTION description: String,
            /// The item that it is about.
            ITEM item: Reference,
            /// A choice.
            STATE state: String,
            /// The group that is to mend it.
            ASSIGNMENT_GROUP assignment_group: Reference,
            /// When it was opened.
            OPENED_AT opened_at: SystemTime,
        }
    }
}
