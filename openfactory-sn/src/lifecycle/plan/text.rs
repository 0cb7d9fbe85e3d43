//! Sentences and cells.

use openfactory_attest::recipe::{BuildRecipe, HardeningLevel};

use crate::lifecycle::mapping::RiskBySecurityLevel;

/// `Custom {base} build: {features}`, cut at a feature, with `+n` for those left out, if it is longer than `limit`
/// characters.
pub(super) fn change_short_description(base: &str, features: &[String], limit: usize) -> String {
    let head = format!("Custom {base} build: ");
    if features.is_empty() {
        return clip(&format!("{head}base image only"), limit);
    }
    for kept in (1..=features.len()).rev() {
        let left_out = features.len() - kept;
        let list = features[..kept].join(", ");
        let text = if left_out == 0 { format!("{head}{list}") } else { format!("{head}{list} +{left_out}") };
        if text.chars().count() <= limit {
            return text;
        }
    }
    clip(&format!("{head}+{}", features.len()), limit)
}

/// The first `limit` characters, the last of them `…` if something was cut off.
pub(super) fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The recipe's security level, in its own word; empty if it has none.
pub(super) fn security_level(recipe: &BuildRecipe) -> String {
    recipe
        .security()
        .and_then(|security| security.hardening_level.as_ref())
        .map_or_else(String::new, HardeningLevel::to_string)
}

/// The choice of `risk` and why, for `risk_impact_analysis`.
pub(super) fn risk<'a>(level: &str, risk: &'a RiskBySecurityLevel) -> (&'a str, String) {
    match level {
        "minimal" => {
            (&risk.minimal, "The recipe's security level is minimal: little is hardened.".to_owned())
        }
        "standard" => (&risk.standard, "The recipe's security level is standard.".to_owned()),
        "strict" => (&risk.strict, "The recipe's security level is strict (CIS).".to_owned()),
        "" => {
            (&risk.absent, "The recipe names no security level, so the highest risk is assumed.".to_owned())
        }
        other => (
            &risk.absent,
            format!("The recipe's security level {other:?} is not known, so the highest risk is assumed."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::mapping::Mapping;

    fn features(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_short_description_is_cut_at_a_feature() {
        let some = features(&["ssh", "docker", "auditd"]);
        let of = |limit| change_short_description("debian-trixie", &some, limit);
        assert_eq!(of(160), "Custom debian-trixie build: ssh, docker, auditd");
        assert_eq!(of(47), "Custom debian-trixie build: ssh, docker, auditd");
        assert_eq!(of(46), "Custom debian-trixie build: ssh, docker +1");
        assert_eq!(of(41), "Custom debian-trixie build: ssh +2");
        assert_eq!(of(33), "Custom debian-trixie build: +3");
        assert_eq!(of(10), "Custom de…");
        assert_eq!(change_short_description("x", &[], 160), "Custom x build: base image only");
    }

    #[test]
    fn a_long_list_stays_within_the_limit() {
        let many: Vec<String> = (0..100).map(|n| format!("feature-{n}")).collect();
        let text = change_short_description("ubuntu-noble", &many, 160);
        assert!(text.chars().count() <= 160, "{text}");
        let (list, left_out) = text.rsplit_once(" +").unwrap();
        let kept = list.split(", ").count();
        assert_eq!(kept + left_out.parse::<usize>().unwrap(), 100);
    }

    #[test]
    fn risk_by_security_level_row_by_row() {
        let risks = Mapping::guide().change.risk;
        for (level, choice) in
            [("minimal", "2"), ("standard", "3"), ("strict", "4"), ("", "2"), ("paranoid", "2")]
        {
            assert_eq!(risk(level, &risks).0, choice, "{level:?}");
        }
        assert!(risk("paranoid", &risks).1.contains("\"paranoid\""));
    }
}
