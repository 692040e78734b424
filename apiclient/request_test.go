package apiclient

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The vector of the fact sheet: dummy values, computed independently.
func TestSignature(t *testing.T) {
	r := request{command: "files.list", fields: []field{
		textField("path", "sestore1/user/café"), textField("type", "video"),
	}}
	text := string(r.encode(account{key: "TESTKEY", cdn: 1}, 1700000000))
	if want := `{"command":"files.list","api_key":"TESTKEY","timestamp":1700000000,"cdn":1,"path":"sestore1\/user\/caf\u00e9","type":"video"}`; text != want {
		t.Errorf("encoded\n%s\nwant\n%s", text, want)
	}
	secret := strings.Repeat("0123456789abcdef", 4)
	if got, want := sign([]byte(text), secret), "zpRRZQvwh2OF/yT4j94o9xY74j/m/aR7IMvRCU8xIio="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// Two clients that ask for the same in the same second send different bodies, each
// with all the fields.
func TestEncodeShuffles(t *testing.T) {
	r := request{command: "files.list", fields: []field{textField("path", "p"), textField("type", "video")}}
	seen := map[string]bool{}
	for order := range uint64(100) {
		text := r.encode(account{"KEY", 1, order}, 1700000000)
		seen[string(text)] = true
		var all map[string]any
		if err := json.Unmarshal(text, &all); err != nil || len(all) != 6 {
			t.Fatalf("%s: %v", text, err)
		}
		if again := r.encode(account{"KEY", 1, order}, 1700000000); string(again) != string(text) {
			t.Fatalf("%s, then %s", text, again)
		}
	}
	if len(seen) < 80 {
		t.Errorf("%d different bodies of 100 clients", len(seen))
	}
}

func TestFormPutsSignatureLast(t *testing.T) {
	fields, err := url.ParseQuery(form([]byte(`{"a":1}`), "x/y+z="))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fields.Get("json"), `{"a":1,"signature":"x\/y+z="}`; got != want || len(fields) != 1 {
		t.Errorf("form %v, want json = %s", fields, want)
	}
}

func TestPHPString(t *testing.T) {
	for in, want := range map[string]string{
		``:                         `""`,
		`a/b`:                      `"a\/b"`,
		`"\`:                       `"\"\\"`,
		"\b\f\n\r\t":               `"\b\f\n\r\t"`,
		"\x00\x1f\x7f":             `"\u0000\u001f` + "\x7f" + `"`,
		`<>&'`:                     `"<>&'"`,
		"é":                        `"\u00e9"`,
		"e\u0301":                  `"e\u0301"`,
		"\u2028":                   `"\u2028"`,
		"😀":                        `"\ud83d\ude00"`,
		"\U0010ffff":               `"\udbff\udfff"`,
		"sestore4/jb/ÿ <b>'x'</b>": `"sestore4\/jb\/\u00ff <b>'x'<\/b>"`,
	} {
		if got := string(appendPHPString(nil, in)); got != want {
			t.Errorf("%q encoded as %s, want %s", in, got, want)
		}
	}
}

func TestPHPStringIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		var out string
		if err := json.Unmarshal(appendPHPString(nil, in), &out); err != nil || out != in {
			t.Fatalf("%q came back as %q, error %v", in, out, err)
		}
	})
}
