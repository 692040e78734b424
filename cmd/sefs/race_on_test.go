//go:build race

package main

// raceFlag builds the program under test like the tests themselves.
const raceFlag = "-race=true"
