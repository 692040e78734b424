package apiclient

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// object parses the JSON text of one file object.
func object(t *testing.T, text string) value {
	t.Helper()
	v, err := parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestSizes(t *testing.T) {
	for members, want := range map[string]int64{
		`"size":3552999`:                           3552999,
		`"size":"3552999"`:                         3552999,
		`"size":12.0`:                              12,
		`"size":"12.0"`:                            12,
		`"size":1e3`:                               1000,
		`"size":0`:                                 0,
		`"size":"0"`:                               0,
		`"size":9223372036854775807`:               UnknownSize,
		`"size":"9007199254740993"`:                1<<53 + 1,
		`"size":9223372036854775808`:               UnknownSize,
		`"size":"99999999999999999999999"`:         UnknownSize,
		`"size":1152921504606846976`:               1 << 60,
		`"size":1152921504606846977`:               UnknownSize,
		`"size":0.5`:                               UnknownSize,
		`"size":-9223372036854775808`:              UnknownSize,
		`"size":18446744073709551616`:              UnknownSize,
		`"size":1` + strings.Repeat("0", 1000):     UnknownSize,
		`"size":1e400`:                             UnknownSize,
		`"size":1e300`:                             UnknownSize,
		`"size":-1`:                                UnknownSize,
		`"size":"-5"`:                              UnknownSize,
		`"size":12.5`:                              UnknownSize,
		`"size":""`:                                UnknownSize,
		`"size":"large"`:                           UnknownSize,
		`"size":"NaN"`:                             UnknownSize,
		`"size":"Inf"`:                             UnknownSize,
		`"size":"0x1p4"`:                           UnknownSize,
		`"size":null`:                              UnknownSize,
		`"size":true`:                              UnknownSize,
		`"size":[5]`:                               UnknownSize,
		`"size":{"bytes":5}`:                       UnknownSize,
		`"other":5`:                                UnknownSize,
		`"file_size":5`:                            5,
		`"filesize":"5"`:                           5,
		`"filesize":"5","size":6`:                  6,
		`"size":null,"file_size":5`:                5,
		`"size":-1,"file_size":"?","filesize":"5"`: 5,
		`"size":7,"file_size":5,"info":{"size":"9"}`: 7,
	} {
		o, err := readObject(object(t, `{"name":"a","type":"file",`+members+`}`), "x")
		if err != nil || o.attr.Size != want || o.kind != isFile {
			t.Errorf("%s: %+v, error %v, want %d", members, o.attr, err, want)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	forms := map[string]time.Time{
		`1546300800`: at, `"1546300800"`: at, `1546300800.0`: at, `1.5463008e9`: at,
		`"2019-01-01 00:00:00"`: at, `"2019-01-01T00:00:00"`: at, `"2019-01-01T00:00:00Z"`: at, `"2019-01-01T02:00:00+02:00"`: at,
		`1`: time.Unix(1, 0).UTC(), `4102444800`: time.Unix(4102444800, 0).UTC(),
		`0`: {}, `"0"`: {}, `-5`: {}, `""`: {}, `null`: {}, `false`: {}, `true`: {}, `[1546300800]`: {}, `{}`: {},
		`"0000-00-00 00:00:00"`: {}, `"0000-00-00T00:00:00"`: {}, `"1970-01-01 00:00:00"`: {}, `"yesterday"`: {}, `"2019-13-01 00:00:00"`: {},
		`9214646399`: time.Unix(9214646399, 0).UTC(), `"2261-12-31 23:59:59"`: time.Unix(9214646399, 0).UTC(),
		`9214646400`: {}, `"2262-01-01 00:00:00"`: {}, `"9999-12-31T23:59:59Z"`: {}, `"9999999-01-01 00:00:00"`: {}, `-9223372036854775808`: {},
		`"-0001-01-01 00:00:00"`: {}, `"` + strings.Repeat("2", 1000) + `"`: {},
		`1546300800000`: {}, `99999999999999999999`: {}, `1546300800.5`: {},
	}
	keys := []string{"modified", "modified_time", "mtime", "file_modified"}
	for form, want := range forms {
		for _, key := range keys {
			for _, place := range []string{`"%s":%s`, `"metadata":{"duration":"1","%s":%s}`, `"info":{"%s":%s}`, `"metadata":[],"info":{"%s":%s}`} {
				text := `{"name":"a","size":1,` + fmt.Sprintf(place, key, form) + `}`
				o, err := readObject(object(t, text), "x")
				if err != nil || !o.attr.Modified.Equal(want) || o.attr.Modified.Location() != time.UTC {
					t.Errorf("%s: %v, error %v, want %v", text, o.attr.Modified, err, want)
				}
			}
		}
	}
	// What says nothing does not hide what does.
	for _, text := range []string{
		`{"name":"a","modified":"0000-00-00 00:00:00","mtime":1546300800}`,
		`{"name":"a","modified":0,"metadata":{"modified":""},"info":{"file_modified":"2019-01-01 00:00:00"}}`,
		`{"name":"a","modified":1546300800,"metadata":{"modified":5},"info":{"modified":7}}`,
		`{"name":"a","metadata":{"mtime":1546300800},"info":{"modified":7}}`,
		`{"name":"a","metadata":"none","info":{"modified":1546300800}}`,
	} {
		if o, err := readObject(object(t, text), "x"); err != nil || !o.attr.Modified.Equal(at) {
			t.Errorf("%s: %v, error %v", text, o.attr.Modified, err)
		}
	}
}

func TestKinds(t *testing.T) {
	for members, want := range map[string]objectKind{
		`"type":"file","size":1`:                isFile,
		`"type":"FILE"`:                         isFile,
		`"type":"File","contents":[]`:           isFile,
		`"type":"directory"`:                    isFolder,
		`"type":"Directory","size":4096`:        isFolder,
		`"type":"folder","contents":[]`:         isFolder,
		`"type":"FOLDER","contents":null`:       isFolder,
		`"type":"symlink","size":"5"`:           isFile,
		`"type":"Symlink"`:                      isOther,
		`"type":"symlink","size":null`:          isOther,
		`"type":"whiteout","size":5`:            isFile,
		`"type":"whiteout"`:                     isOther,
		`"type":"whiteout","contents":[]`:       isFolder,
		`"type":"","contents":[{"name":"b"}]`:   isFolder,
		`"type":null,"size":5`:                  isFile,
		`"size":0`:                              isFile,
		`"contents":[]`:                         isFolder,
		`"contents":null`:                       isOther,
		`"contents":null,"size":"3"`:            isFile,
		`"type":{"is":"file"}`:                  isOther,
		`"type":["directory"],"contents":["a"]`: isFolder,
		`"type":1,"size":-1`:                    isOther,
	} {
		if o, err := readObject(object(t, `{"name":"a",`+members+`}`), "x"); err != nil || o.kind != want {
			t.Errorf("%s: kind %v, error %v, want %v", members, o.kind, err, want)
		}
	}
}

func TestReadObjectParents(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"a","path":"x/a"}`:                   "x/a",
		`{"name":"a","path":"/x/a"}`:                  "x/a",
		`{"name":"a","path":"//x//a/"}`:               "x/a",
		`{"name":"a","path":"/x/a","parent":"other"}`: "x/a",
		`{"path":"/x/a"}`:                             "x/a",
		`{"name":"a"}`:                                "dir/a",
		`{"name":"a","path":""}`:                      "dir/a",
		`{"name":"a","path":null,"parent":null}`:      "dir/a",
		`{"name":"a","parent":""}`:                    "dir/a",
		`{"name":"a","parent":"."}`:                   "a",
		`{"name":"a","parent":"/"}`:                   "a",
		`{"name":"a","parent":"x"}`:                   "x/a",
		`{"name":"a","parent":"/x/"}`:                 "x/a",
		`{"name":"a","parent":"./x"}`:                 "x/a",
		`{"name":"a","parent":".hidden"}`:             ".hidden/a",
		`{"name":"a","parent":"..double/x"}`:          "..double/x/a",
		`{"name":"a","parent":"..."}`:                 ".../a",
		`{"name":".hidden","path":"x/.hidden"}`:       "x/.hidden",
		`{"name":"...","parent":"x"}`:                 "x/...",
		`{"name":".","path":"."}`:                     "",
		`{"name":"","path":"/"}`:                      "",
		`{"name":12,"path":"x/12"}`:                   "x/12",
		`{"name":"caf\u00e9","path":"x\/caf\u00e9"}`:  "x/caf\u00e9",
		`{"name":"a b%41?","parent":"x y"}`:           "x y/a b%41?",
	} {
		if o, err := readObject(object(t, text), "dir"); err != nil || o.path != want {
			t.Errorf("%s: path %q, error %v, want %q", text, o.path, err, want)
		}
	}
	for _, text := range []string{`{}`, `{"name":""}`, `{"name":null,"size":1}`, `{"name":["a"]}`, `{"name":"a","path":"x/b"}`, `[]`, `"a"`, `7`, `null`} {
		if o, err := readObject(object(t, text), "dir"); err == nil {
			t.Errorf("%s: %+v", text, o)
		}
	}
	// The same, all the way.
	d, err := decodeFiles([]byte(`{"data":[{"name":"a","parent":".hidden","type":"file","size":1}]}`), ".hidden", time.Time{})
	if err != nil || showSizes(d.folder) != "a=1" {
		t.Errorf("a file in .hidden: %v", err)
	}
}

func TestDecodeFile(t *testing.T) {
	object := `{"name":"a","path":"x/a","parent":"x","type":"file","size":"7"}`
	for data, want := range map[string]int64{
		object:             7,
		`[` + object + `]`: 7,
		strings.Replace(object, `"x/a"`, `"\/x\/a"`, 1):                              7,
		`{"name":"a","type":"symlink","size":7}`:                                     7,
		`{"name":"a","parent":"\/x","size":7}`:                                       7,
		`{"name":"a","path":"x/a","type":"file"}`:                                    UnknownSize,
		`{"name":"a","path":"x/a","type":"file","size":-7}`:                          UnknownSize,
		`{"name":"a","path":"x/a","type":"directory","size":7}`:                      UnknownSize,
		`{"name":"a","path":"x/a","type":"folder","contents":[` + object + `]}`:      UnknownSize,
		`{"name":"a","path":"y/a","type":"file","size":7}`:                           UnknownSize,
		`[{"name":"b","path":"x/a/b","type":"file","size":7}]`:                       UnknownSize,
		`[{"name":"a","path":"x/a/a","type":"file","size":7}]`:                       UnknownSize,
		`[` + object + `,` + object + `]`:                                            UnknownSize,
		`{"1":{"name":"b","path":"x/a/b","size":7},"3":{"name":"c","path":"x/a/c"}}`: UnknownSize,
		`{"1":{"name":"b","path":"x/a/b","size":7}}`:                                 UnknownSize,
		`[]`:    UnknownSize,
		`{}`:    UnknownSize,
		`null`:  UnknownSize,
		`false`: UnknownSize,
	} {
		attr, err := decodeFile([]byte(`{"data":`+data+`,"errors":[]}`), "x/a")
		if err != nil || attr.Size != want {
			t.Errorf("%s: %+v, error %v, want %d", data, attr, err, want)
		}
	}
}
