package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/cache"
)

func TestExplain(t *testing.T) {
	s := &settings{apiURL: "https://api.example.com/stable/", cdn: 12, timeout: 30 * time.Second}
	for _, test := range []struct {
		name string
		err  error
		code int
		want []string
	}{
		{"key", &apiclient.Error{Code: "0001"}, exitCredentials, []string{"0001", "--api-key", "--cdn 12"}},
		{"secret", &apiclient.Error{Code: "0003"}, exitCredentials, []string{"0003", "SEFS_API_SECRET", "--api-secret-file"}},
		{"account", &apiclient.Error{Code: "0005"}, exitCredentials, []string{"0005", "ScaleEngine"}},
		{"forbidden", &apiclient.Error{Status: 403}, exitCredentials, []string{"403"}},
		{"clock", &apiclient.Error{Code: "0002"}, exitClock, []string{"clock is wrong", "timedatectl"}},
		{"clock behind", &apiclient.Error{Code: "0002", Skew: 90 * time.Second}, exitClock, []string{"1m30s behind"}},
		{"clock ahead", &apiclient.Error{Code: "0002", Skew: -2 * time.Hour}, exitClock, []string{"2h0m0s ahead of"}},
		{"empty", cache.ErrEmptyRoot, exitRemote, []string{"sestore4/jb", "--allow-empty"}},
		{"elsewhere", &elsewhereError{cache.ErrEmptyRoot, []string{"sestore5", "sestore7"}}, exitRemote, []string{"sestore5, sestore7"}},
		{"no network", &apiclient.Error{Err: errors.New("connection refused")}, exitService, []string{"api.example.com", "connection refused", "--api-url"}},
		{"status", &apiclient.Error{Status: 503}, exitService, []string{"failing", "503", "later"}},
		{"overload", &apiclient.Error{Code: "1000", Status: 200}, exitService, []string{"failing", "1000"}},
		{"nonsense", &apiclient.Error{Status: 200, Malformed: true, Message: "an HTML page"}, exitService, []string{"failing", "HTML"}},
		{"unknown command", &apiclient.Error{Code: "0000"}, exitService, []string{"0000", "--api-url"}},
		{"time", context.DeadlineExceeded, exitService, []string{"30s", "--timeout"}},
		{"interrupt", &apiclient.Error{Err: context.Canceled}, exitFailed, []string{"interrupted"}},
		{"anything", errors.New("odd"), exitService, []string{"odd"}},
		{"said before", fail(exitFUSE, "no FUSE"), exitFUSE, []string{"no FUSE"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := explain(fmt.Errorf("wrapped: %w", test.err), s, "sestore4/jb")
			var f *failure
			if !errors.As(err, &f) || f.code != test.code {
				t.Fatalf("%v, want exit code %d", err, test.code)
			}
			for _, part := range test.want {
				if !strings.Contains(f.text, part) {
					t.Errorf("%q lacks %q", f.text, part)
				}
			}
		})
	}
	if err := explain(nil, s, ""); err != nil {
		t.Errorf("no error became %v", err)
	}
}
