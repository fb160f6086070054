//! Rows 33 to 47: paths, methods, media types.

use serde_json::{Value, json};

use super::support::{JSON, PATH, body_of, example, start, with};

#[tokio::test]
async fn query_parameters_mean_nothing() {
    // row 33
    let usage = start();
    let query = "?sysparm_query=&sysparm_limit=10000&sysparm_display_value=False";
    let line = format!("POST {PATH}{query}");
    let body = body_of(&example());
    let answer = usage.request(&line, JSON, body.as_bytes()).await;
    assert_eq!(answer.item()["status"], "INSERT");
}

#[tokio::test]
async fn below_api_there_is_one_resource() {
    let usage = start();
    let service = "sam_software_usage_integration";
    let lines = [
        // row 34
        "POST /api/now/table/incident".to_owned(),
        "GET /api/subscribers".to_owned(),
        format!("POST /api/now/{service}"),
        format!("POST /api/now/{service}/createorupdate"),
        format!("POST /api/now/{service}/createOrUpdate/x"),
        format!("DELETE /api/now/{service}/createOrUpdate/x"),
        // row 35
        format!("POST /api/now/v9/{service}/createOrUpdate"),
        format!("POST /api/now/latest/{service}/createOrUpdate"),
    ];
    for line in lines {
        let answer = usage.request(&line, JSON, b"").await;
        assert_eq!(answer.status, 400, "{line}");
        let expected = "Requested URI does not represent any resource".to_owned();
        assert_eq!(answer.failure(), (expected, Value::Null), "{line}");
    }
}

#[tokio::test]
async fn outside_of_api_there_is_nothing() {
    // row 36
    let usage = start();
    for (method, path) in [("POST", "/nav_to.do"), ("GET", "/"), ("DELETE", "/x?y")] {
        let answer = usage.request(&format!("{method} {path}"), JSON, b"").await;
        let path = path.split('?').next().unwrap();
        assert_eq!(answer.refused(404, "Not found"), path);
    }
}

#[tokio::test]
async fn a_path_may_be_written_in_other_ways() {
    // row 37
    let usage = start();
    for path in [
        format!("{PATH}/"),
        PATH.replace("/createOr", "/%63reateOr"),
        format!("http://localhost{PATH}"),
    ] {
        let line = format!("POST {path}");
        let body = body_of(&example());
        let answer = usage.request(&line, JSON, body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let twice = PATH.replace("/createOr", "/%2563reateOr");
    let answer = usage.request(&format!("POST {twice}"), JSON, b"").await;
    assert_eq!(answer.status, 400, "decoded once only");
}

#[tokio::test]
async fn only_post_is_a_method() {
    let usage = start();
    // row 38
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"] {
        let answer = usage.request(&format!("{method} {PATH}"), JSON, b"").await;
        assert_eq!(answer.header("allow"), Some("post"), "{answer:?}");
        if method == "HEAD" {
            assert_eq!((answer.status, answer.body.as_str()), (405, ""));
        } else {
            assert_eq!(answer.refused(405, "Method not allowed"), method);
        }
    }
    // row 39
    for (method, instead) in [("POST", "GET"), ("GET", "POST")] {
        let header = format!("X-HTTP-Method-Override: {instead}\r\n");
        let body = body_of(&example());
        let line = format!("{method} {PATH}");
        let answer = usage.request(&line, &header, body.as_bytes()).await;
        answer.refused(405, "Method not allowed");
    }
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn an_answer_is_json_unless_something_else_is_wanted() {
    let usage = start();
    // row 40
    for accept in [
        "",
        "Accept: */*\r\n",
        "Accept: application/*\r\n",
        "Accept: application/json;q=0.5, */*;q=0.1\r\n",
    ] {
        let answer = usage.with(accept, body_of(&example())).await;
        assert_eq!(answer.message(), "Ok", "{accept}");
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("application/json;charset=utf-8"));
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_not_stored() {
    // row 42
    let usage = start();
    for accept in ["Accept: text/html\r\n", "Accept: image/jpeg\r\n"] {
        let answer = usage.with(accept, body_of(&example())).await;
        let detail = answer.refused(406, "Invalid accept header");
        assert!(
            detail.contains("[application/json, application/xml, text/xml]"),
            "{detail}"
        );
    }
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn a_body_is_json_unless_it_says_something_else() {
    let usage = start();
    for content_type in [
        // row 44
        "",
        // row 45
        "Content-Type: application/json; charset=utf-8\r\n",
        "Content-Type: application/vnd.acme+json\r\n",
    ] {
        let answer = usage.with(content_type, body_of(&example())).await;
        assert_eq!(answer.message(), "Ok", "{content_type}");
    }
    for content_type in [
        // row 46
        "application/json; charset=iso-8859-1",
        // row 47
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let header = format!("Content-Type: {content_type}\r\n");
        let item = with(example(), &json!({"year": 2022}));
        let answer = usage.with(&header, body_of(&item)).await;
        let expected = "Invalid content-type. Supported request media types for this service are: [application/json, application/xml, text/xml]";
        assert_eq!(answer.refused(415, expected), "");
        assert_eq!(answer.failure().1, "");
    }
    assert_eq!(usage.records().await.len(), 1);
}
