#!/bin/sh
# Rustdoc that may write JSON, which is unstable, with a stable compiler. Rustdoc alone sees the variable: for cargo and build
# scripts it would be a reason to build everything anew.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
