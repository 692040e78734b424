package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"sefs/apiclient"
)

// Names that are spoken of in more than one place.
const (
	configKey     = "config"
	secretKey     = "api-secret" // not an option, and never will be
	secretFileKey = "api-secret-file"
	envPrefix     = "SEFS_"
)

// minMemory is what one page of long names and the listing built of it need,
// several times over.
const minMemory = 8 << 20

// option is one setting: a flag, a variable and a key of the config file.
type option struct {
	name, short string
	kind        string // what --help shows for the value; "bool" needs none
	value       string // the default
	usage       string
	// set checks text and puts it into s. Its error says what is allowed.
	set func(s *settings, text string) error
}

// accountOptions are for every verb that speaks to the service.
func accountOptions() []option {
	return append([]option{
		{"api-url", "", "url", "https://api.scaleengine.net/stable/", "address of the command API", func(s *settings, t string) error {
			s.apiURL = t
			return apiclient.CheckURL(t, true) // load has the last word on plain http
		}},
		{"api-key", "", "key", "", "public API key of the account", func(s *settings, t string) error {
			s.apiKey = t
			return nil
		}},
		{"cdn", "", "number", "", "CDN number of the account", func(s *settings, t string) (err error) {
			if t == "" {
				return nil // credentials.go says what is missing, all at once
			}
			s.cdn, err = wholeNumber(t, 1)
			return err
		}},
		{secretFileKey, "", "file", "", "file with the API secret, mode 0600 (or set SEFS_API_SECRET)", func(s *settings, t string) (err error) {
			s.secretFile, err = absolute(t)
			return err
		}},
		{"files-url", "", "url", "https://{user}-sestore.secdn.net/v1/", "address of the v1 API; {user} is the second part of REMOTE", func(s *settings, t string) error {
			s.filesURL = t
			return apiclient.CheckURL(s.filesAddress("storage/user"), true)
		}},
		{"ca-file", "", "file", "", "certificates (PEM) of authorities to believe besides the system's", func(s *settings, t string) (err error) {
			s.roots, err = authorities(t)
			return err
		}},
		{"allow-http", "", "bool", "false", "accept plain http to other machines: credentials, signatures and links go in clear text", boolOption(func(s *settings) *bool { return &s.allowHTTP })},
		{"timeout", "", "duration", "30s", "longest wait without progress", func(s *settings, t string) (err error) {
			s.timeout, err = positive(t)
			return err
		}},
		{configKey, "", "file", "", "config file", func(*settings, string) error { return nil }},
	}, logOptions("info")...)
}

func logOptions(level string) []option {
	return []option{
		{"log-level", "", "level", level, "debug, info, warn or error", func(s *settings, t string) error {
			if !slices.Contains([]string{"debug", "info", "warn", "error"}, t) {
				return errors.New("debug, info, warn or error is needed")
			}
			return s.logLevel.UnmarshalText([]byte(t))
		}},
		{"log-format", "", "format", "text", "text or json", func(s *settings, t string) (err error) {
			s.logFormat, err = oneOf(t, "text", "json")
			return err
		}},
		{"log-file", "", "file", "", "log to this file (default stderr; in the background a file of its own)", func(s *settings, t string) (err error) {
			s.logFile, err = absolute(t)
			return err
		}},
	}
}

// fileOptions are for every verb that looks at folders and files.
func fileOptions() []option {
	return append(accountOptions(), []option{
		{"type", "", listKind, "includeinvalid", "files to show: " + strings.Join(fileTypes(), ", ") + "; several with commas", setTypes},
		{"lister", "", "name", "files.list", "which API lists folders: files.list or v1", func(s *settings, t string) (err error) {
			s.lister, err = oneOf(t, "files.list", "v1")
			return err
		}},
		{"load-timeout", "", "duration", "30m", "longest load of one listing; at least --timeout", func(s *settings, t string) (err error) {
			s.loadTimeout, err = positive(t)
			return err
		}},
		{"concurrency", "", "number", "4", "calls of the service in flight", func(s *settings, t string) (err error) {
			s.concurrency, err = wholeNumber(t, 1)
			return err
		}},
		{"download-concurrency", "", "number", "8", "requests for contents in flight", func(s *settings, t string) (err error) {
			s.downloads, err = wholeNumber(t, 1)
			return err
		}},
		{"unknown-size", "", "what", "error", "files that v1 says no size of: error when they are opened, or stream (for cat and cp; tar and rsync take them for empty)", func(s *settings, t string) error {
			how, err := oneOf(t, "error", "stream")
			s.streamUnknown = how == "stream"
			return err
		}},
		{memoryKey, "", "size", "256MiB", "memory for listings and contents, at least 8MiB; the default is less where a cgroup limits memory", func(s *settings, t string) (err error) {
			s.memory, err = byteSize(t)
			if err == nil && s.memory < minMemory {
				err = errors.New("at least 8MiB is needed")
			}
			return err
		}},
	}...)
}

// mountOptions are those of `mount`, in the order of its help.
func mountOptions() []option {
	return append(fileOptions(), []option{
		{"ttl", "", "duration", "5m", "age of a listing before it is asked for again", func(s *settings, t string) (err error) {
			s.ttl, err = positive(t)
			return err
		}},
		{"stale", "", "duration", "24h", "how much older a listing may be shown while the service fails; 0 is never", func(s *settings, t string) (err error) {
			s.stale, err = time.ParseDuration(t)
			if err != nil || s.stale < 0 {
				return errors.New("a duration such as 24h is needed, or 0")
			}
			return nil
		}},
		{"prefetch", "", "when", "auto", "load ahead of a walk: auto or off", func(s *settings, t string) error {
			when, err := oneOf(t, "auto", "off")
			s.prefetch = when == "auto"
			return err
		}},
		{"uid", "", "number", strconv.Itoa(os.Getuid()), "owner of all files", func(s *settings, t string) (err error) {
			s.uid, err = ownerID(t)
			return err
		}},
		{"gid", "", "number", strconv.Itoa(os.Getgid()), "group of all files", func(s *settings, t string) (err error) {
			s.gid, err = ownerID(t)
			return err
		}},
		{"file-mode", "", modeKind, "0444", "permissions of files", func(s *settings, t string) (err error) {
			s.fileMode, err = permissions(t)
			return err
		}},
		{"dir-mode", "", modeKind, "0555", "permissions of folders", func(s *settings, t string) (err error) {
			s.dirMode, err = permissions(t)
			return err
		}},
		{"allow-other", "", "bool", "false", "let other users in", boolOption(func(s *settings) *bool { return &s.allowOther })},
		{"noexec", "", "bool", "false", "let no program be started from the mount", boolOption(func(s *settings) *bool { return &s.noExec })},
		{"allow-empty", "", "bool", "false", "mount REMOTE also if the service knows nothing below it", boolOption(func(s *settings) *bool { return &s.allowEmpty })},
		{"foreground", "f", "bool", "false", "stay, log to stderr, unmount on Ctrl-C", boolOption(func(s *settings) *bool { return &s.foreground })},
		{"debug", "", "bool", "false", "log every request of the kernel", boolOption(func(s *settings) *bool { return &s.debug })},
	}...)
}

// boolOption is an option of true or false that lives where field says.
func boolOption(field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, t string) (err error) {
		if *field(s), err = strconv.ParseBool(t); err != nil {
			return errors.New("true or false is needed")
		}
		return nil
	}
}

// flagValue is an option on the command line: text that settings.go checks
// together with that of the other sources, so that all are judged alike.
type flagValue struct{ text, kind string }

func (v *flagValue) String() string        { return v.text }
func (v *flagValue) Type() string          { return v.kind }
func (v *flagValue) Set(text string) error { v.text = text; return nil }
func (v *flagValue) IsBoolFlag() bool      { return v.kind == "bool" }

// addFlags makes options flags.
func addFlags(flags *pflag.FlagSet, options []option) {
	flags.SortFlags = false
	for _, o := range options {
		f := flags.VarPF(&flagValue{o.value, o.kind}, o.name, o.short, o.usage)
		if o.kind == "bool" {
			f.NoOptDefVal = "true"
		}
	}
}

// fileTypes are the types of files.list.
func fileTypes() []string {
	return []string{"audio", "deleted", "includeinvalid", "invalid", "smil", "valid", "video"}
}

func setTypes(s *settings, text string) error {
	s.types = nil
	for t := range strings.SplitSeq(text, ",") {
		t = strings.TrimSpace(t)
		if !slices.Contains(fileTypes(), t) {
			return fmt.Errorf("one or more of %s, with commas, are needed", strings.Join(fileTypes(), ", "))
		}
		if !slices.Contains(s.types, t) {
			s.types = append(s.types, t)
		}
	}
	return nil
}
