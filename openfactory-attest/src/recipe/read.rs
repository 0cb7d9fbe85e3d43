//! From JSON to a recipe, with the path of whatever is wrong.

use serde_json::{Map, Value};

use super::{
    BuildRecipe, CustomPackage, Desktop, PackageOverride, ParseRecipeError, Security, Service, StartupScript,
    User, VmTest,
};
use crate::canonical;

type Result<T> = std::result::Result<T, ParseRecipeError>;

pub(super) fn recipe(value: Value) -> Result<BuildRecipe> {
    let canonical = canonical::to_vec(&value).map_err(ParseRecipeError::Canonical)?;
    let json = match value {
        Value::Object(json) => json,
        other => return Err(wrong_type("", "an object", &other)),
    };
    let root = Object { members: &json, path: String::new() };
    Ok(BuildRecipe {
        name: root.required_name("name")?,
        base_image: root.required_name("baseImage")?,
        features: root.strings("features")?,
        packages: root.strings("packages")?,
        custom_packages: root.objects("custom_packages", custom_package)?,
        extra_repos: root.strings("extra_repos")?,
        package_overrides: root.objects("package_overrides", package_override)?,
        services: root.objects("services", service)?,
        users: root.objects("users", user)?,
        security: root.object("security", security)?,
        desktop: root.object("desktop", desktop)?,
        startup_scripts: root.objects("startupScripts", startup_script)?,
        tests: root.objects("tests", vm_test)?,
        canonical,
        json,
    })
}

fn custom_package(object: &Object<'_>) -> Result<CustomPackage> {
    Ok(CustomPackage {
        name: object.required("name")?,
        git_url: object.required("git_url")?,
        branch: object.string("branch")?,
    })
}

fn package_override(object: &Object<'_>) -> Result<PackageOverride> {
    Ok(PackageOverride {
        name: object.required("name")?,
        action: object.required("action")?.into(),
        replacement: object.string("replacement")?,
    })
}

fn service(object: &Object<'_>) -> Result<Service> {
    Ok(Service {
        name: object.required("name")?,
        config: object.object("config", |config| Ok(config.members.clone()))?.unwrap_or_default(),
    })
}

fn user(object: &Object<'_>) -> Result<User> {
    Ok(User {
        username: object.required("username")?,
        shell: object.string("shell")?,
        groups: object.strings("groups")?,
        vyatta_level: object.string("vyattaLevel")?,
    })
}

fn security(object: &Object<'_>) -> Result<Security> {
    Ok(Security {
        hardening_level: object.string("hardeningLevel")?.map(Into::into),
        audit_logging: object.boolean("auditLogging")?,
        automatic_updates: object.boolean("automaticUpdates")?,
    })
}

fn desktop(object: &Object<'_>) -> Result<Desktop> {
    Ok(Desktop {
        theme: object.string("theme")?,
        wallpaper: object.string("wallpaper")?,
        favorites: object.strings("favorites")?,
    })
}

fn startup_script(object: &Object<'_>) -> Result<StartupScript> {
    Ok(StartupScript { name: object.required("name")?, script: object.required("script")? })
}

fn vm_test(object: &Object<'_>) -> Result<VmTest> {
    Ok(VmTest {
        description: object.required("description")?,
        assertions: object.array("assertions")?.map(<[Value]>::to_vec).unwrap_or_default(),
    })
}

/// An object and where it is. What is absent and what is `null` are the same.
struct Object<'v> {
    members: &'v Map<String, Value>,
    path: String,
}

impl<'v> Object<'v> {
    fn of(value: &'v Value, path: String) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            other => Err(wrong_type(&path, "an object", other)),
        }
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn required_name(&self, name: &str) -> Result<String> {
        let text = self.required(name)?;
        if text.trim().is_empty() { Err(ParseRecipeError::Empty { path: self.path(name) }) } else { Ok(text) }
    }

    fn required(&self, name: &str) -> Result<String> {
        self.string(name)?.ok_or_else(|| ParseRecipeError::Missing { path: self.path(name) })
    }

    fn string(&self, name: &str) -> Result<Option<String>> {
        self.get(name).map(|value| string(value, || self.path(name))).transpose()
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(wrong_type(&self.path(name), "true or false", other)),
        }
    }

    fn array(&self, name: &str) -> Result<Option<&'v [Value]>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(wrong_type(&self.path(name), "an array", other)),
        }
    }

    fn strings(&self, name: &str) -> Result<Vec<String>> {
        let items = self.array(name)?.unwrap_or_default().iter().enumerate();
        items.map(|(index, item)| string(item, || format!("{}[{index}]", self.path(name)))).collect()
    }

    fn object<T>(&self, name: &str, read: impl FnOnce(&Self) -> Result<T>) -> Result<Option<T>> {
        self.get(name).map(|value| read(&Object::of(value, self.path(name))?)).transpose()
    }

    fn objects<T>(&self, name: &str, read: impl Fn(&Self) -> Result<T>) -> Result<Vec<T>> {
        let items = self.array(name)?.unwrap_or_default().iter().enumerate();
        items.map(|(index, item)| read(&Object::of(item, format!("{}[{index}]", self.path(name)))?)).collect()
    }
}

fn string(value: &Value, path: impl FnOnce() -> String) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(wrong_type(&path(), "a string", other)),
    }
}

fn wrong_type(path: &str, expected: &'static str, found: &Value) -> ParseRecipeError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let path = if path.is_empty() { "root" } else { path };
    ParseRecipeError::Type { path: path.to_owned(), expected, found }
}
