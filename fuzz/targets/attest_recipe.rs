//! Recipes that others wrote: read or refused; what is read has one hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::BuildRecipe;

fuzz_target!(|input: &[u8]| {
    if let Ok(recipe) = BuildRecipe::parse(input) {
        let again = BuildRecipe::parse(recipe.canonical_bytes()).expect("the canonical form");
        assert_eq!(again.recipe_hash(), recipe.recipe_hash(), "two hashes of one recipe");
    }
});
