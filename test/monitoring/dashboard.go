package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
)

// Dashboard is what matters of one of Grafana's.
type Dashboard struct {
	Title, UID string
	Panels     []Panel
	Templating struct {
		List []Variable
	}
}

// Panel is one of a dashboard's, or the heading of a row of them.
type Panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    struct{ X, Y, W, H int }
	Datasource *struct{ UID string }
	Targets    []Target
	// FieldConfig has the unit of the values.
	FieldConfig struct {
		Defaults struct{ Unit string }
	}
}

// Target is a query of a panel.
type Target struct {
	RefID, Expr, LegendFormat string
	Datasource                struct{ UID string }
}

// Variable is a choice above the panels, which queries name with a dollar sign.
type Variable struct {
	Name, Type string
	Query      any
}

// LabelValues is the query of a variable whose values are those of a label, "" for another kind of variable.
func (v Variable) LabelValues() string {
	query, ok := v.Query.(map[string]any)
	if !ok {
		return ""
	}
	text, _ := query["query"].(string)
	return text
}

// ReadDashboard reads a dashboard's file.
func ReadDashboard(path string) (*Dashboard, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the dashboard: %w", err)
	}
	d := new(Dashboard)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("the dashboard %s: %w", path, err)
	}
	return d, nil
}
