package apitest

import "strings"

// OddNames returns names that a file system may have and that something on the way may stumble over.
// All are valid UTF-8 of at most 255 bytes, and different from each other. None is "__files",
// "__is_loaded", "__offset" or "__file_count": a folder so named cannot be told from the mark.
func OddNames() []string {
	return []string{
		// For shells and people.
		"with space", " leading", "trailing ", "  ", "-x", "--help", "tab\there", "line\nbreak", "\n", "end\n",
		"cr\rhere", "bell\a", "back\bspace", "form\ffeed", "escape\x1b[31mred", "\x01", "del\x7f",
		".hidden", "..double", "...", "dot.", "~", "#hash", "a;b", "a|b", "$HOME", "`id`", "!", "*", "?", "[a]", "{a,b}",
		// For quoting: JSON, HTML, URLs, paths.
		"%41", "%2F", "%2e%2e", "%", "100%", "a+b", "a=b&c=d", "a?b#c", "a:b", "a,b", `","signature":"x"}`,
		// For PHP: array keys that become ints, or do not quite, and words of its own and of JSON.
		"0", "1", "2", "42", "007", "-1", "-0", "1.0", "1e3", "9223372036854775807", "9223372036854775808",
		"null", "true", "false", "[]", "{}", "__x", "__", "data", "status", "name", "path",
		// For Unicode: one name in two normal forms, what folds to the same letters, what needs two
		// UTF-16 units, what is written from the right, what cannot be seen.
		"caf\u00e9", "cafe\u0301", "CASE", "case", "stra\u00dfe", "\u212b", "\u00c5", "\u4e2d\u6587", "\u65e5\u672c\u8a9e",
		"\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0010ffff", "\ufffd", "\ufeffbom", "\u2028", "\u2029",
		"\u202egnp.exe", "\u00a0", "\u200b", "\uffff", "\u007f\u0080", "\ud7ff\ue000",
		// For buffers: the longest names, in one, two and four bytes a character.
		strings.Repeat("l", 255), strings.Repeat("\u00e9", 127) + "x", strings.Repeat("\U0001f600", 63) + "abc",
		strings.Repeat("m", 251) + ".mp4",
	}
}
