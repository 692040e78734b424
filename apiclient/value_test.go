package apiclient

import (
	"strings"
	"testing"
)

func TestParseSaysWhatCameInstead(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing":             {"", "empty body"},
		"white space":         {" \n", "empty body"},
		"only a BOM":          {"\ufeff", "empty body"},
		"HTML":                {"<!DOCTYPE html><title>Log in</title>", "an HTML page"},
		"other HTML":          {"\n<html>", "an HTML page"},
		"notice before JSON":  {"Notice: Undefined index\n{\"status\":\"success\"}", "text before the JSON"},
		"text":                {"Service Unavailable", "text that is no JSON"},
		"half":                {`{"status":"suc`, "breaks off after 14 bytes"},
		"half a list":         {`{"data":["a",`, "breaks off"},
		"no closing bracket":  {`{"data":["a"]`, "breaks off"},
		"more behind it":      {`{} {}`, "something after its end"},
		"text behind it":      {`{}<br>`, "something after its end"},
		"broken":              {`{"a":}`, "no valid JSON"},
		"wrong bracket":       {`{"a":[1}`, "no valid JSON"},
		"raw bytes":           {"{\"a\":\"\xff\"}", "no Unicode"},
		"lone high surrogate": {`{"a":"\ud83d"}`, "no Unicode"},
		"lone low surrogate":  {`{"a":"\ude00x"}`, "no Unicode"},
		"too deep":            {strings.Repeat("[", maxDepth+2), "nested deeper"},
		"too much":            {"[" + strings.Repeat("0,", maxValues) + "0]", "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(c.body))
			if err == nil || !strings.Contains(err.Error(), c.want) || !IsTemporary(err) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestParseKeepsOrder(t *testing.T) {
	v, err := parse([]byte("\ufeff \n" + `{"b":1,"a":{"z":"\ud83d\ude00","\\ud83d":null},"b":2} `))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(v.keys, " ") != "b a b" || strings.Join(v.items[1].keys, " ") != `z \ud83d` {
		t.Errorf("keys %q and %q", v.keys, v.items[1].keys)
	}
	if b, ok := v.get("b"); !ok || b.text != "2" || v.items[1].items[0].text != "😀" {
		t.Errorf("values %+v", v)
	}
}

func TestInteger(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-1": -1, `"12"`: 12, "12.0": 12, "1e2": 100, "9223372036854775807": 1<<63 - 1} {
		v, err := parse([]byte("[" + text + "]"))
		if n, ok := v.items[0].integer(); err != nil || !ok || n != want {
			t.Errorf("%s is %d, %v (%v)", text, n, ok, err)
		}
	}
	for _, text := range []string{`""`, `"x"`, "1.5", "true", "null", "[]", "1e30", `"NaN"`, `"Inf"`} {
		v, _ := parse([]byte("[" + text + "]"))
		if n, ok := v.items[0].integer(); ok {
			t.Errorf("%s is taken for %d", text, n)
		}
	}
}
