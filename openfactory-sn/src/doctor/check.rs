//! One function for each need that is only read.

use super::{Finding, Needs, TOKEN_LIFE, Verdict};
use crate::auth::IntegrationPoint;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::models::relationship_type;
use crate::models::user::User;
use crate::models::{choice as choices, relationship_type::RelationshipType};
use crate::query::{Condition, Operator, Query};
use crate::record::{Field, Record};
use crate::value::Reference;
use crate::wire::call::Call;
use crate::wire::url::Target;

/// Classes above each other that are gone through.
const LINEAGE_MAX: usize = 20;

/// Whether the credential is accepted, whose it is, and which roles are wanting.
pub(super) async fn credential(client: &Client, needs: &Needs) -> Vec<Finding> {
    let need = "credential";
    let me = Query::new().and(Field::<Reference>::new("sys_id").is_me()).limit(1);
    let names = ["user_name", "active", "locked_out"];
    let found = match client.table::<User>().list(&me.select(names)) {
        Ok(mut listing) => listing.try_next().await,
        Err(error) => Err(error),
    };
    let user = match found {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => {
            return vec![Finding::new(need, Verdict::Missing, format!("{error}; {}", error.advice()))];
        }
        Err(error) => return vec![unchecked(need, error)],
        Ok(None) => {
            let advice = "accepted, but its user may not read itself: roles cannot be looked at; grant read on sys_user";
            return vec![Finding::new(need, Verdict::Remark, advice)];
        }
        Ok(Some(user)) => user,
    };
    let mut findings = vec![Finding::new(need, Verdict::Good, format!("accepted, as {}", user.user_name))];
    for role in &needs.roles {
        let query = Query::new()
            .and(Field::<Reference>::new("user").is(user.sys_id()))
            .and(Field::<String>::new("role.name").is(role.as_str()))
            .select(["user"]);
        let mend = format!("grant the role {role} to {}", user.user_name);
        findings.push(some(client, "sys_user_has_role", &query, format!("role {role}"), mend).await);
    }
    findings
}

/// Whether tokens live longer than the guide asks.
pub(super) async fn token_life(client: &Client) -> Option<Finding> {
    let life = client.token_life().await?;
    let told = format!("tokens live for {} s", life.as_secs());
    Some(match life > TOKEN_LIFE {
        true => {
            let advice = format!("{told}: set the registry record's access token lifespan to 1800 s or less");
            Finding::new("token life", Verdict::Remark, advice)
        }
        false => Finding::new("token life", Verdict::Good, told),
    })
}

/// Whether a point's own credential is accepted, whose it is, and how long its tokens live.
pub(super) async fn point(client: &Client, point: IntegrationPoint) -> Vec<Finding> {
    let client = client.at(point);
    let mut findings = credential(&client, &Needs::new()).await;
    findings.extend(token_life(&client).await);
    for finding in &mut findings {
        finding.need = format!("{} of {point:?}", finding.need);
    }
    findings
}

/// Whether there are rate limit rules, which slow everything down.
pub(super) async fn rate_rules(client: &Client) -> Finding {
    let need = "rate limit rules";
    match client.dynamic_table("sys_rate_limit_rules").find(&Query::new().limit(100)).await {
        Ok(rules) if rules.is_empty() => {
            let advice =
                "none that this user can see, which need not be all: ask who administers the instance";
            Finding::new(need, Verdict::Remark, advice)
        }
        Ok(rules) => {
            let advice = format!(
                "{} rules: see that none of them is below what the fleet needs in an hour",
                rules.len()
            );
            Finding::new(need, Verdict::Remark, advice)
        }
        Err(error) => unchecked(need, error),
    }
}

pub(super) async fn table(client: &Client, name: &str) -> Finding {
    let need = format!("table {name}");
    match client.dynamic_table(name).find(&Query::new().limit(1)).await {
        Ok(rows) if rows.is_empty() => {
            let advice = "there, but shows no record: it is empty, or this user may read none of it";
            Finding::new(need, Verdict::Remark, advice)
        }
        Ok(_) => Finding::new(need, Verdict::Good, "there, and readable"),
        Err(error) if error.kind() == ErrorKind::Invalid => {
            Finding::new(need, Verdict::Missing, error.advice())
        }
        Err(error) => unchecked(need, error),
    }
}

pub(super) async fn plugin(client: &Client, id: &str) -> Finding {
    let query = Query::new().and(text("id", id)).and(text("active", "active"));
    let mend = format!("activate the plugin {id}, or let this user read v_plugin");
    some(client, "v_plugin", &query, format!("plugin {id}"), mend).await
}

pub(super) async fn class(client: &Client, name: &str, parent: &str) -> Finding {
    let query = Query::new().and(text("name", name)).and(text("super_class.name", parent)).select(["name"]);
    let mend = format!("make the class {name} below {parent}, or let this user read sys_db_object");
    some(client, "sys_db_object", &query, format!("class {name}"), mend).await
}

pub(super) async fn identification_rule(client: &Client, class: &str) -> Finding {
    let need = format!("identification rule of {class}");
    let line = match lineage(client, class).await {
        Ok(line) => line,
        Err(error) => return unchecked(need, error),
    };
    let mend = format!(
        "make an identification rule for {class} or a class above it, or let this user read sys_db_object and \
         cmdb_identifier"
    );
    let applies = Field::<String>::new("applies_to").is_one_of(line);
    let query = Query::new().and(applies).and(Field::<bool>::new("active").is(true));
    some(client, "cmdb_identifier", &query, need, mend).await
}

/// A class and those above it, as far as they can be seen: a class is identified by the nearest rule above it.
async fn lineage(client: &Client, class: &str) -> Result<Vec<String>, Error> {
    let classes = client.dynamic_table("sys_db_object");
    let mut line = vec![class.to_owned()];
    while let Some(last) = line.last().filter(|_| line.len() < LINEAGE_MAX) {
        let query = Query::new().and(text("name", last)).select(["name", "super_class.name"]).limit(1);
        let found = classes.find(&query).await?;
        let above = found.first().map(|row| row.text("super_class.name").to_owned()).unwrap_or_default();
        if above.is_empty() || line.contains(&above) {
            break;
        }
        line.push(above);
    }
    Ok(line)
}

pub(super) async fn choice(client: &Client, table: &str, field: &str, value: &str) -> Finding {
    let query = Query::new()
        .and(choices::TABLE.is(table))
        .and(choices::ELEMENT.is(field))
        .and(choices::VALUE.is(value))
        .and(choices::INACTIVE.is(false));
    let mend = format!("add {value} to the choices of {table}.{field}, or let this user read sys_choice");
    some(client, choices::Choice::TABLE, &query, format!("choice {value} of {table}.{field}"), mend).await
}

pub(super) async fn relation_type(client: &Client, name: &str) -> Finding {
    let query = Query::new().and(relationship_type::NAME.is(name));
    let mend = format!("make the relation type {name}, or choose another in the mapping");
    some(client, RelationshipType::TABLE, &query, format!("relation type {name}"), mend).await
}

pub(super) async fn business_rule(client: &Client, table: &str, name: &str) -> Finding {
    let query = Query::new()
        .and(text("collection", table))
        .and(Field::<bool>::new("active").is(true))
        .and(Condition::new("name", Operator::StartsWith, vec![name.to_owned()]));
    let mend = format!("make the business rule {name} on {table} by docs/servicenow/business-rule.js");
    some(client, "sys_script", &query, format!("business rule {name} on {table}"), mend).await
}

pub(super) async fn change_management(client: &Client) -> Finding {
    let need = "Change Management API";
    let target = Target::new("/api/sn_chg_rest/v1/change").with("sysparm_limit", "1");
    let call = Call::get("look for the Change Management API".to_owned(), target);
    match client.call(&call, client.engine().deadline()).await {
        Ok(_) => Finding::new(need, Verdict::Good, "there"),
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {
            Finding::new(need, Verdict::Missing, "activate the plugin of the Change Management REST API")
        }
        Err(error) => unchecked(need, error),
    }
}

fn text(field: &'static str, value: &str) -> Condition {
    Field::<String>::new(field).is(value)
}

/// Whether a query finds at least one record. That it finds none proves nothing where the user is shown none at all.
async fn some(client: &Client, table: &str, query: &Query, need: String, mend: String) -> Finding {
    let rows = client.dynamic_table(table);
    let any = async |query: Query| rows.find(&query.limit(1)).await.map(|found| !found.is_empty());
    match any(query.clone()).await {
        Ok(true) => return Finding::new(need, Verdict::Good, "there"),
        Ok(false) => {}
        Err(error) => return unchecked(need, error),
    }
    match any(Query::new()).await {
        Ok(true) => Finding::new(need, Verdict::Missing, mend),
        Ok(false) => {
            let reason = "shows this user no record at all, so that nothing can be said of what is in it";
            unchecked(need, Error::new(ErrorKind::Forbidden, format!("look into {table}"), reason))
        }
        Err(error) => unchecked(need, error),
    }
}

pub(super) fn unchecked(need: impl Into<String>, error: Error) -> Finding {
    let advice = format!("{error}; {}", error.advice());
    Finding::new(need, Verdict::Unchecked(error), advice)
}
