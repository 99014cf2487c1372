use super::{Kind, parse};

#[test]
fn a_package_is_read_with_its_three_kinds_of_dependencies() {
    let value = serde_json::json!({
        "workspace_root": "/somewhere",
        "packages": [{
            "name": "coord-redis", "version": "0.1.0", "rust_version": "1.89",
            "manifest_path": "/somewhere/crates/coord-redis/Cargo.toml",
            "features": { "default": [], "tls": ["redis/tls"] },
            "targets": [
                { "kind": ["lib"], "name": "coord_redis" },
                { "kind": ["example"], "name": "quickstart" },
            ],
            "dependencies": [
                { "name": "coord-core", "kind": null, "optional": false },
                { "name": "coord-resilience", "kind": null, "optional": true },
                { "name": "coord-testkit", "kind": "dev", "optional": false },
                { "name": "cc", "kind": "build", "optional": false },
            ],
        }],
    });
    let packages = parse(&value);
    let package = &packages[0];
    assert_eq!(package.manifest, "crates/coord-redis/Cargo.toml");
    assert_eq!(package.features, ["default", "tls"]);
    assert_eq!(package.examples, ["quickstart"]);
    let read: Vec<_> = package
        .dependencies
        .iter()
        .map(|dependency| (dependency.name.as_str(), dependency.kind, dependency.optional))
        .collect();
    assert_eq!(
        read,
        [
            ("coord-core", Kind::Normal, false),
            ("coord-resilience", Kind::Normal, true),
            ("coord-testkit", Kind::Dev, false),
            ("cc", Kind::Build, false),
        ]
    );
}
