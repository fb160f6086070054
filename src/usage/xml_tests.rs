//! Which XML is a body, and what JSON it is.

use proptest::prelude::*;

use super::*;

fn json(xml: &str) -> String {
    let json = to_json(xml.as_bytes()).unwrap_or_else(|error| panic!("{error}: {xml}"));
    String::from_utf8(json).unwrap()
}

fn detail(xml: &str) -> String {
    match to_json(xml.as_bytes()) {
        Ok(json) => panic!("{xml} is {}", String::from_utf8_lossy(&json)),
        Err(error) => error.to_string(),
    }
}

#[test]
fn items_are_repeated_elements_or_one_list() {
    let expected = r#"{"items":[{"a":"1","b":"x"},{"a":"2"}]}"#;
    for xml in [
        "<request><items><a>1</a><b>x</b></items><items><a>2</a></items></request>",
        "<r><items><item><a>1</a><b>x</b></item><item><a>2</a></item></items></r>",
        "<r><items><entry><a>1</a><b>x</b></entry><entry><a>2</a></entry></items></r>",
        "<items><item><a>1</a><b>x</b></item><item><a>2</a></item></items>",
        "<r><items><a>1</a><b>x</b></items><items><item><a>2</a></item></items></r>",
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- hello -->\n<?a b?>\n<r>\n <other><x>1</x></other>\n \
         <items>\n<a>1</a>\n<b>x</b> <!-- -->\n</items>\n<items><a>2</a></items>\n</r>\n",
        "<n:r xmlns:n=\"urn:x\" xsi:type=\"y\"><n:items><n:a>1</n:a><b xml:lang=\"en\">x</b></n:items>\
         <items><a>2</a></items></n:r>",
    ] {
        assert_eq!(json(xml), expected, "{xml}");
    }
    let one = "<request><items><a>1</a></items></request>";
    assert_eq!(json(one), r#"{"items":[{"a":"1"}]}"#);
}

#[test]
fn values_are_text_as_it_stands() {
    let table = [
        ("<a>5</a>", r#""a":"5""#),
        ("<a/>", r#""a":"""#),
        ("<a></a>", r#""a":"""#),
        ("<a> 5\t</a>", r#""a":" 5\t""#),
        ("<a>1\r\n2\r3</a>", r#""a":"1\n2\n3""#),
        ("<a>&lt;&amp;&gt;&apos;&quot;</a>", r#""a":"<&>'\"""#),
        ("<a>&#65;&#x1F600;&#13;</a>", "\"a\":\"A\u{1f600}\\r\""),
        ("<a>x<![CDATA[<b>&amp;]]>y</a>", r#""a":"x<b>&amp;y""#),
        ("<a>x<!-- c -->y</a>", r#""a":"xy""#),
        (
            "<a><b>1</b><c><d/></c></a>",
            r#""a":{"b":"1","c":{"d":""}}"#,
        ),
        ("<\u{e9}-1.x>5</\u{e9}-1.x>", "\"\u{e9}-1.x\":\"5\""),
    ];
    for (xml, expected) in table {
        assert_eq!(
            json(&format!("<r><items>{xml}</items></r>")),
            format!("{{\"items\":[{{{expected}}}]}}"),
            "{xml}"
        );
    }
}

#[test]
fn an_empty_items_element_is_an_empty_list_or_an_empty_item() {
    let table = [
        ("<r><items/></r>", "[]"),
        ("<r><items> </items></r>", "[]"),
        ("<items/>", "[]"),
        ("<r><items><item/></items></r>", "[{}]"),
        (
            "<r><items/><items><a>1</a></items></r>",
            r#"[{},{"a":"1"}]"#,
        ),
        (
            "<r><items><a>1</a></items><items/></r>",
            r#"[{"a":"1"},{}]"#,
        ),
        ("<r><items/><items/></r>", "[{},{}]"),
        ("<r><items>x</items></r>", r#"["x"]"#),
        ("<r><items><item>x</item></items></r>", r#"["x"]"#),
    ];
    for (xml, expected) in table {
        assert_eq!(json(xml), format!("{{\"items\":{expected}}}"), "{xml}");
    }
}

/// (XML, what is wrong with it).
const REFUSED: &[(&str, &str)] = &[
    ("", "empty body"),
    (" \n", "empty body"),
    ("<r/>", "the body must have an array `items`"),
    ("<r><entry/></r>", "the body must have an array `items`"),
    ("{\"items\":[]}", "line 1, column 1: text beside elements"),
    (
        "<r>\n<items><secret>",
        "line 2, column 16: an element is not closed",
    ),
    ("<r><items></r>", "line 1, column 11: tags do not match"),
    ("</r>", "line 1, column 1: tags do not match"),
    (
        "<r><items/></r><r/>",
        "line 1, column 16: there is more than one root element",
    ),
    (
        "<r><items/></r>x",
        "line 1, column 16: text beside elements",
    ),
    (
        "<r>secret<items/></r>",
        "line 1, column 4: text beside elements",
    ),
    (
        "<r><items>x<a/></items></r>",
        "line 1, column 12: text beside elements",
    ),
    (
        "<r><items><a/>x</items></r>",
        "line 1, column 15: text beside elements",
    ),
    (
        "<r><items><a>1</a><a>2</a></items></r>",
        "line 1, column 19: duplicate member",
    ),
    (
        "<r><items><a><b/><b/></a></items></r>",
        "line 1, column 18: duplicate member",
    ),
    (
        "<r><items><item/><x/></items></r>",
        "line 1, column 18: a list has elements of different names",
    ),
    (
        "<r><items a=\"1\"/></r>",
        "line 1, column 4: attributes are not read: values stand in elements",
    ),
    (
        "<r><items xmlns=\"a\" xmlns=\"b\"/></r>",
        "line 1, column 4: an attribute cannot be read",
    ),
    (
        "<r><items b/></r>",
        "line 1, column 4: an attribute cannot be read",
    ),
    (
        "<r><items><1/></items></r>",
        "line 1, column 11: an element has a name that XML does not allow",
    ),
    (
        "<r><items><a:/></items></r>",
        "line 1, column 11: an element has a name that XML does not allow",
    ),
    (
        "<r><items><a:b:c/></items></r>",
        "line 1, column 11: an element has a name that XML does not allow",
    ),
    (
        "<!DOCTYPE r><r/>",
        "line 1, column 1: a DOCTYPE is not read",
    ),
    (
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>",
        "line 1, column 1: a DOCTYPE is not read",
    ),
    (
        "<r><items><a>&x;</a></items></r>",
        "line 1, column 14: only the five entities of XML itself are read",
    ),
    (
        "<r><items><a>&#1;</a></items></r>",
        "line 1, column 14: a character that XML does not have",
    ),
    (
        "<r><items><a>&#xD800;</a></items></r>",
        "line 1, column 14: a character that XML does not have",
    ),
    (
        "<r><items><a>a & b</a></items></r>",
        "line 1, column 16: `&` without `;`: write it as `&amp;`",
    ),
    (
        "<r><items><a>\u{1}</a></items></r>",
        "line 1, column 14: a character that XML does not have",
    ),
    (
        "<r><!-- a -- b --></r>",
        "line 1, column 11: `--` in a comment",
    ),
    (
        "<?xml version=\"1.1\"?><r/>",
        "line 1, column 1: the XML version must be 1.0",
    ),
    (
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><r/>",
        "line 1, column 1: the encoding must be UTF-8",
    ),
    (
        "<r/><?xml version=\"1.0\"?>",
        "line 1, column 5: the XML declaration is not at the beginning",
    ),
];

#[test]
fn what_is_no_body_is_refused_with_its_place_and_nothing_of_its_content() {
    for (xml, expected) in REFUSED {
        assert_eq!(&detail(xml), expected, "{xml}");
    }
    let not_utf8 = to_json(b"<r>\xff</r>").unwrap_err();
    assert_eq!(not_utf8.to_string(), "invalid UTF-8 at byte 3");
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let (open, close) = ("<a>".repeat(levels), "</a>".repeat(levels));
        format!("<r><items>{open}{close}</items></r>")
    };
    assert!(to_json(nested(14).as_bytes()).is_ok());
    assert!(detail(&nested(15)).ends_with("nested deeper than 16 elements"));
    assert!(detail(&nested(100_000)).ends_with("nested deeper than 16 elements"));
    let aside = format!("<r>{}", "<a>".repeat(100_000));
    assert!(detail(&aside).ends_with("nested deeper than 16 elements"));
}

proptest! {
    #[test]
    fn any_text_comes_through(text in r"[ -~\t\n\u{e9}\u{1f600}]{0,20}") {
        let escaped = quick_xml::escape::escape(&*text);
        let read = json(&format!("<r><items><a>{escaped}</a></items></r>"));
        let read: serde_json::Value = serde_json::from_str(&read).unwrap();
        prop_assert_eq!(&read["items"][0]["a"], &serde_json::Value::from(text));
    }

    #[test]
    fn nothing_makes_it_panic(xml in r#"(<r>)?(<items>|</items>|<a>|</a>|<item/>|<b:c d="e">|&amp;|&#9;|&x;|<!\[CDATA\[x\]\]>|<!-- -->|<\?x \?>|text| ){0,12}(</r>)?"#) {
        let _ = to_json(xml.as_bytes());
    }
}
