package main

import (
	"encoding/xml"
	"errors"
	"io"
)

// junitReport is the part of a JUnit report that counts.
type junitReport struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []struct {
		Cases []struct {
			Class   string    `xml:"classname,attr"`
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// addJUnit reads a report as chart-promoter writes it. A report without a test is an error.
func (r *results) addJUnit(report io.Reader) error {
	var doc junitReport
	if err := xml.NewDecoder(report).Decode(&doc); err != nil {
		return err
	}
	found := false
	for _, suite := range doc.Suites {
		for _, c := range suite.Cases {
			found = true
			switch {
			case c.Failure != nil || c.Error != nil:
				r.failed = append(r.failed, c.Class+" "+c.Name)
			case c.Skipped != nil:
				r.skipped++
			default:
				r.passed++
			}
		}
	}
	if !found {
		return errors.New("the report has no test")
	}
	return nil
}
