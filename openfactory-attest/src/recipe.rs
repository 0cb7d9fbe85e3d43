//! Build recipes: what was asked for, and the one hash that pins it.
//!
//! A [`BuildRecipe`] keeps the JSON it was read from, whole: properties that this version does not know survive a
//! round trip at every level and count in the [hash](BuildRecipe::recipe_hash).

mod part;
mod read;

pub use part::{
    CustomPackage, Desktop, HardeningLevel, PackageAction, PackageOverride, Security, Service, StartupScript,
    User, VmTest,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::canonical::{self, CanonicalError, Limits};
use crate::digest::Sha256Digest;

/// Bytes of one recipe's JSON at most: 1 MiB.
pub const MAX_RECIPE: usize = 1 << 20;

/// A build recipe: its JSON, and what is known of it.
///
/// ```
/// use openfactory_attest::BuildRecipe;
///
/// let one = BuildRecipe::parse(br#"{"name": "press", "baseImage": "debian-trixie", "more": {"new": 1}}"#)?;
/// let other = BuildRecipe::parse(br#"{"more":{"new":1.0},"baseImage":"debian-trixie","name":"press"}"#)?;
/// assert_eq!(one.recipe_hash(), other.recipe_hash());
/// assert_eq!(one.base_image(), "debian-trixie");
/// assert_eq!(one.as_json()["more"]["new"], 1);
/// # Ok::<(), openfactory_attest::recipe::ParseRecipeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BuildRecipe {
    json: Map<String, Value>,
    canonical: Vec<u8>,
    name: String,
    base_image: String,
    features: Vec<String>,
    packages: Vec<String>,
    custom_packages: Vec<CustomPackage>,
    extra_repos: Vec<String>,
    package_overrides: Vec<PackageOverride>,
    services: Vec<Service>,
    users: Vec<User>,
    security: Option<Security>,
    desktop: Option<Desktop>,
    startup_scripts: Vec<StartupScript>,
    tests: Vec<VmTest>,
}

/// Why something is not a build recipe. Paths are written like `services[2].config`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRecipeError {
    /// Not JSON, or not within the limits.
    #[error("the recipe is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// Something has another type than the schema gives it.
    #[error("the recipe's {path} is {found}, expected {expected}")]
    Type {
        /// Where; empty for the recipe as a whole.
        path: String,
        /// What the schema wants.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A property that the schema requires is not there.
    #[error("the recipe has no {path}")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A property that must say something is empty.
    #[error("the recipe's {path} is empty")]
    Empty {
        /// Where.
        path: String,
    },
    /// It has no canonical form, so it has no hash.
    #[error("the recipe has no hash")]
    Canonical(#[source] CanonicalError),
}

impl BuildRecipe {
    /// Reads a recipe, at most [`MAX_RECIPE`] bytes of JSON.
    ///
    /// # Errors
    /// [`ParseRecipeError`] names what is wrong and where.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseRecipeError> {
        let limits = Limits { max_bytes: MAX_RECIPE, ..Limits::FOREIGN };
        let value = canonical::parse(bytes, &limits).map_err(ParseRecipeError::Json)?;
        Self::from_json(value)
    }

    /// Takes JSON that was read already for a recipe. Prefer [`parse`](Self::parse), which sees names that occur
    /// twice.
    ///
    /// # Errors
    /// [`ParseRecipeError`] names what is wrong and where.
    pub fn from_json(value: Value) -> Result<Self, ParseRecipeError> {
        read::recipe(value)
    }

    /// SHA-256 over the RFC 8785 form of the whole JSON, known and unknown properties alike: two spellings of one
    /// recipe have one hash.
    #[must_use]
    pub fn recipe_hash(&self) -> Sha256Digest {
        Sha256Digest::of(&self.canonical)
    }

    /// The whole recipe, with what this version does not know.
    #[must_use]
    pub const fn as_json(&self) -> &Map<String, Value> {
        &self.json
    }

    /// The RFC 8785 form, over which the hash is.
    #[must_use]
    pub fn canonical_bytes(&self) -> &[u8] {
        &self.canonical
    }

    /// The configuration's unique name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base image, such as `debian-trixie`.
    #[must_use]
    pub fn base_image(&self) -> &str {
        &self.base_image
    }

    /// Features such as `ssh` or `docker`, in the recipe's order.
    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// Further packages of the distribution.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        &self.packages
    }

    /// Repositories built as native packages.
    #[must_use]
    pub fn custom_packages(&self) -> &[CustomPackage] {
        &self.custom_packages
    }

    /// Further package sources.
    #[must_use]
    pub fn extra_repos(&self) -> &[String] {
        &self.extra_repos
    }

    /// Packages added, removed or replaced.
    #[must_use]
    pub fn package_overrides(&self) -> &[PackageOverride] {
        &self.package_overrides
    }

    /// Services and their settings.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// User accounts.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Security settings, if the recipe has any.
    #[must_use]
    pub const fn security(&self) -> Option<&Security> {
        self.security.as_ref()
    }

    /// Desktop settings, if the recipe has any.
    #[must_use]
    pub const fn desktop(&self) -> Option<&Desktop> {
        self.desktop.as_ref()
    }

    /// Scripts run at first boot.
    #[must_use]
    pub fn startup_scripts(&self) -> &[StartupScript] {
        &self.startup_scripts
    }

    /// What the VM tests assert.
    #[must_use]
    pub fn tests(&self) -> &[VmTest] {
        &self.tests
    }
}

/// As the JSON it was read from.
impl Serialize for BuildRecipe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BuildRecipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
