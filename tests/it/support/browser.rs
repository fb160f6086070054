//! A browser as far as consent needs one: it opens a page and says where it leads on to.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a page answered.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Page {
    /// Where it leads on to.
    pub(crate) fn location(&self) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let found = name.eq_ignore_ascii_case("location");
            found.then(|| value.trim().to_owned())
        })
    }
}

/// Presses Allow where the page asks, and returns where it leads on to.
pub(crate) async fn consent(url: &str) -> String {
    decide(url, "allow").await
}

/// Presses one of the page's buttons where it asks, and returns where it leads on to.
pub(crate) async fn decide(url: &str, decision: &str) -> String {
    let mut page = open(url).await;
    if page.status == 200 {
        let button = format!(r#"<button name="decision" value="{decision}">"#);
        assert!(page.body.contains(&button), "{}", page.body);
        page = send("POST", url, &format!("decision={decision}")).await;
    }
    page.location().unwrap_or_else(|| {
        panic!(
            "it answers {} and leads nowhere: {}",
            page.status, page.body
        )
    })
}

/// Opens an address with plain http.
pub(crate) async fn open(url: &str) -> Page {
    send("GET", url, "").await
}

async fn send(method: &str, url: &str, form: &str) -> Page {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Page {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
