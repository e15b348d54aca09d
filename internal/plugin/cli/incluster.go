package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/job"
	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
)

// inCluster are the flags of a scenario that runs in a Job.
type inCluster struct {
	on             bool
	image, account string
}

func (c inCluster) validate() error {
	switch {
	case !c.on && (c.image != "" || c.account != ""):
		return invalid.Errorf("--image and --service-account are for --in-cluster: add it, or leave them out")
	case c.on && (c.image == "" || c.account == ""):
		return invalid.Errorf("--in-cluster needs --image, with an image of kubectl-btcnet, and --service-account, with an account that has the role edit")
	}
	return nil
}

// marker begins the line in which a Job hands its report over.
const marker = "kubectl-btcnet-report "

// handOver prints the report for the program outside.
func (r *run) handOver(result *report.Report) error {
	text, err := json.Marshal(result)
	if err == nil {
		_, err = fmt.Fprintf(r.streams.Out, "%s%s\n", marker, text)
	}
	return err
}

const (
	mount = "/scenario"
	key   = "scenario.yaml"
	// startTimeout is how long the image may be pulled.
	startTimeout = 5 * time.Minute
	// endSeconds is how long an interrupted Job cleans up.
	endSeconds = 150
)

// outside carries the scenario out in a Job, and returns its exit code.
func (r *run) outside(ctx context.Context, name, file string, text []byte) error {
	client, err := r.connect()
	if err != nil {
		return err
	}
	object := fmt.Sprintf("btcnet-run-%08x", rand.Uint32()) //nolint:gosec // a name
	maps := client.Core.CoreV1().ConfigMaps(client.Namespace)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: object, Labels: map[string]string{"app.kubernetes.io/managed-by": cluster.FieldManager}}, BinaryData: map[string][]byte{key: text},
	}, metav1.CreateOptions{FieldManager: cluster.FieldManager}); err != nil {
		return client.Explain(err, "create", "configmaps")
	}
	defer func() {
		deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeTimeout)
		defer cancel()
		if err := maps.Delete(deleting, object, metav1.DeleteOptions{}); err != nil {
			r.note("the ConfigMap %s may still exist: kubectl delete configmap %s removes it (%s)", object, object, err.Error())
		}
	}()
	log := &splitter{out: r.streams.Out}
	code, err := job.Run(ctx, client, r.job(object, name, file, client.Namespace), startTimeout, log)
	if err != nil {
		if log.flush(); log.report != nil { // handed over before
			if failed := r.received(log); failed != nil {
				r.note("%s", failed.Error())
			}
		}
		return err
	}
	if err := r.received(log); err != nil {
		return err
	}
	if code != 0 {
		return &cluster.ExitError{Program: "kubectl-btcnet", Code: int(code)} // its log has the message
	}
	return nil
}

func (r *run) job(object, name, file, namespace string) *batchv1.Job {
	args := []string{"run", mount + "/" + name + ".yaml", "--in-job=" + file, "--namespace=" + namespace, "--seed=" + strconv.FormatInt(r.seed, 10)}
	for _, value := range r.set {
		args = append(args, "--set="+value)
	}
	if r.network != "" {
		args = append(args, "--network="+r.network)
	}
	if r.keep {
		args = append(args, "--keep")
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(", "$$(") // the kubelet would replace $(NAME)
	}
	built := job.New(object, corev1.Container{
		Image: r.inCluster.image, Args: args, VolumeMounts: []corev1.VolumeMount{{Name: "scenario", MountPath: mount, ReadOnly: true}},
	})
	pod := &built.Spec.Template.Spec
	pod.ServiceAccountName, pod.AutomountServiceAccountToken = r.inCluster.account, ptr.To(true)
	pod.TerminationGracePeriodSeconds = ptr.To[int64](endSeconds)
	pod.Volumes = []corev1.Volume{{Name: "scenario", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: object}, Items: []corev1.KeyToPath{{Key: key, Path: name + ".yaml"}},
	}}}}
	return built
}

// received writes the reports that the flags name.
func (r *run) received(log *splitter) error {
	log.flush()
	if r.junit == "" && len(r.timelines) == 0 {
		return nil
	}
	if log.report == nil {
		return fmt.Errorf("the Job has handed no report over, so none is written: its log has the reason")
	}
	result, err := report.Parse(log.report)
	if err != nil {
		return fmt.Errorf("the report of the Job cannot be read: %w", err)
	}
	return r.write(result)
}

// splitter passes a log on by lines, and keeps the report.
type splitter struct {
	out    io.Writer
	line   bytes.Buffer
	report []byte
}

// maxLine bounds a line of the log, which is that of the report at most.
const maxLine = 64 << 20

func (s *splitter) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' {
			if s.line.Len() < maxLine {
				s.line.WriteByte(c)
			}
			continue
		}
		s.flush()
	}
	return len(b), nil
}

func (s *splitter) flush() {
	if text, ok := bytes.CutPrefix(s.line.Bytes(), []byte(marker)); ok {
		s.report = bytes.Clone(text)
	} else if s.line.Len() > 0 {
		_, _ = s.out.Write(append(s.line.Bytes(), '\n')) // as any output of a log
	}
	s.line.Reset()
}
