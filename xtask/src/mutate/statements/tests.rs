use super::*;

fn texts(script: &str) -> Vec<String> {
    statements(script).into_iter().map(|it| it.text).collect()
}

#[test]
fn lines_that_belong_together_are_one() {
    let script =
        "-- Purpose\n\nlocal a = f('(',\n  b)\nif x\n  or y then\n  g()\nend\nreturn { a,\n  b }";
    let wanted = ["local a = f('(', b)", "if x or y then", "g()", "end", "return { a, b }"];
    assert_eq!(texts(script), wanted);
    assert_eq!(statements(script)[1], Statement { first: 4, lines: 2, text: wanted[1].into() });
}

#[test]
fn heads_stand_alone() {
    let script = "local visit = {\n  ready = function(lid)\n    f(lid)\n  end,\n}";
    assert_eq!(texts(script)[..3], ["local visit = {", "ready = function(lid)", "f(lid)"]);
}

#[test]
fn each_kind_is_broken_its_way() {
    assert_eq!(broken("if a or b then"), "if not (a or b) then");
    assert_eq!(broken("elseif a then"), "elseif not (a) then");
    assert_eq!(broken("for _, a in ipairs(f()) do"), "for _, a in pairs({}) do");
    assert_eq!(broken("local a = f()"), "local a");
    assert_eq!(broken("if a then f() end"), "");
    assert_eq!(broken("f()"), "");
}
