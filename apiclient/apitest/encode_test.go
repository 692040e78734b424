package apitest

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"null", nil, `null`},
		{"bool", newList(true, false), `[true,false]`},
		{"int", newList(0, -1, int64(1)<<62), `[0,-1,4611686018427387904]`},
		{"float", newList(12.0, 0.3795, -1.5), `[12.0,0.3795,-1.5]`},
		{"slash", "a/b", `"a\/b"`},
		{"quotes", `"\`, `"\"\\"`},
		{"short escapes", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"controls", "\x00\x01\x1f", `"\u0000\u0001\u001f"`},
		{"delete is literal", "\x7f", "\"\x7f\""},
		{"html is literal", "<>&'", `"<>&'"`},
		{"latin", "caf\u00e9", `"caf\u00e9"`},
		{"lower-case hex", "\uabcd", `"\uabcd"`},
		{"last before surrogates", "\ud7ff\uffff", `"\ud7ff\uffff"`},
		{"surrogates", "\U0001f600\U0010ffff\U00010000", `"\ud83d\ude00\udbff\udfff\ud800\udc00"`},
		{"empty array", newArray(), `[]`},
		{"list", newArray("0", "a", "1", "b"), `["a","b"]`},
		{"list that does not begin at 0", newArray("1", "a"), `{"1":"a"}`},
		{"list with a gap", newArray("0", "a", "2", "b"), `{"0":"a","2":"b"}`},
		{"list out of order", newArray("1", "a", "0", "b"), `{"1":"a","0":"b"}`},
		{"leading zero", newArray("00", "a"), `{"00":"a"}`},
		{"map", newArray("b", 1, "a", 2), `{"b":1,"a":2}`},
		{"key is escaped", newArray("a/\u00e9", newList()), `{"a\/\u00e9":[]}`},
		{"key set again keeps its place", newArray("a", 1, "b", 2, "a", 3), `{"a":3,"b":2}`},
		{"empty key", newArray("", 1), `{"":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := encoder{}.encode(tt.v)
			if err != nil || string(got) != tt.want {
				t.Errorf("encode = %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestEncodeUnescaped(t *testing.T) {
	got, err := encoder{unescaped: true}.encode("a/\u00e9\U0001f600\u2028\u2029\n")
	if want := "\"a/\u00e9\U0001f600" + `\u2028\u2029\n"`; err != nil || string(got) != want {
		t.Errorf("encode = %q, %v; want %q", got, err, want)
	}
}

func TestEncodeFails(t *testing.T) {
	deep := func(n int) any {
		var v any = 1
		for range n {
			v = newList(v)
		}
		return v
	}
	for _, tt := range []struct {
		name string
		v    any
		want error
	}{
		{"512 levels", deep(512), nil},
		{"513 levels", deep(513), errDepth},
		{"value is no UTF-8", newList("a\xff"), errUTF8},
		{"key is no UTF-8", newArray("\xe9", 1), errUTF8},
		{"encoded surrogate", "\xed\xa0\x80", errUTF8},
		{"replacement character is UTF-8", "\ufffd", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := (encoder{}).encode(tt.v); !errors.Is(err, tt.want) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAddAfterSet(t *testing.T) {
	a := newArray("a", 1, "7", 2)
	a.add("x")
	got, _ := encoder{}.encode(a)
	if want := `{"a":1,"7":2,"8":"x"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !a.has("8") || a.has("9") || a.get("9") != nil {
		t.Error("has and get disagree with what was set")
	}
}

// What is written can be read by others, and read and written again it is the same text.
func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.SampledFrom(OddNames())).Draw(t, "s")
		text, err := encoder{unescaped: rapid.Bool().Draw(t, "unescaped")}.encode(newArray("k", s))
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ K string }
		if err := json.Unmarshal(text, &got); err != nil || got.K != s {
			t.Fatalf("%s reads as %q, %v; want %q", text, got.K, err, s)
		}
		v, err := decode(text)
		if err != nil || v.(*array).get("k") != s {
			t.Fatalf("decode(%s) = %v, %v", text, v, err)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":1}x`, `{"a":1}{}`, `{"a":}`, "{\"a\":\"\xff\"}", `nil`, `{'a':1}`, `[1,]`} {
		if v, err := decode([]byte(text)); err == nil {
			t.Errorf("decode(%q) = %v, want an error", text, v)
		}
	}
}
