//! A folder as an origin: types, validators, ranges, and no way out of it.

use std::fs;

use support::TestNode;
use tempfile::TempDir;

/// A site of a few files beside a file that is not part of it.
struct Folder {
    outer: TempDir,
}

impl Folder {
    fn new() -> Self {
        let outer = TempDir::new().expect("a temporary folder can be made");
        let write = |path: &str, text: &str| {
            let path = outer.path().join(path);
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a temporary file can be written");
        };
        write("site/index.html", "<p>home");
        write("site/style.css", "p { color: red }");
        write("site/sub/index.html", "<p>sub");
        write("site/a b.txt", "spaced");
        write("secret.txt", "secret");
        Self { outer }
    }

    fn node(&self, route: &str) -> TestNode {
        let root = self.outer.path().join("site");
        TestNode::start(&format!(
            "[static.pages]\nroot = {root:?}\n[[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"pages\"\n{route}"
        ))
    }
}

#[tokio::test]
async fn files_are_served_with_their_types_and_validators() {
    let folder = Folder::new();
    let node = folder.node("");
    let cases = [
        ("/", "text/html", "<p>home"),
        ("/index.html", "text/html", "<p>home"),
        ("/style.css", "text/css", "p { color: red }"),
        ("/sub/", "text/html", "<p>sub"),
        ("/a%20b.txt", "text/plain", "spaced"),
    ];
    for (target, kind, body) in cases {
        let response = node.get(target).await;
        assert_eq!((response.status, response.text()), (200, body), "{target}");
        assert!(response.header("content-type").unwrap().starts_with(kind), "{target}: {response:?}");
        assert_eq!(
            response.header("content-length"),
            Some(body.len().to_string().as_str()),
            "{target}: also as a miss"
        );
        assert!(response.header("etag").is_some() && response.header("last-modified").is_some(), "{target}");
    }
    assert_eq!(node.get("/gone.html").await.status, 404);
}

#[tokio::test]
async fn ranges_are_served() {
    let folder = Folder::new();
    let node = folder.node("[route.cache]\nenabled = false\n");
    let part = node.connect().await.request("GET", "/style.css", &[("Range", "bytes=4-8")], b"").await;
    assert_eq!((part.status, part.text()), (206, "color"));
    assert_eq!(part.header("content-range"), Some("bytes 4-8/16"));
}

#[tokio::test]
async fn an_unchanged_file_is_304() {
    let folder = Folder::new();
    let node = folder.node("[route.cache]\nenabled = false\n");
    let mut client = node.connect().await;
    let first = client.get("/style.css").await;
    let tag = first.header("etag").unwrap();
    let again = client.request("GET", "/style.css", &[("If-None-Match", tag)], b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let folder = Folder::new();
    let node = folder.node("");
    let climbing = [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..\\secret.txt",
        "//secret.txt",
        "/%00secret.txt",
    ];
    for target in climbing {
        let response = node.get(target).await;
        assert!(matches!(response.status, 400 | 403 | 404), "{target}: {response:?}");
        assert_ne!(response.body, b"secret", "{target}");
    }
}

#[tokio::test]
async fn files_are_cached_like_any_origins_answers() {
    let folder = Folder::new();
    let node = folder.node("[route.cache]\ndefault_ttl = \"1m\"\n");
    node.get("/style.css").await;
    assert_eq!(node.get("/style.css").await.header("cache-status"), Some("edge-1; hit; ttl=60"));
}
