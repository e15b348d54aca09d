package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
	typed "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/typed/bitcoincontroller/v1"
)

func smokeTestCommand() *cobra.Command {
	var kubeconfig, namespace, name string
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "smoke-test",
		Short: "Create a network of two nodes, wait until it is ready, and delete it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, _, err := restConfig(kubeconfig)
			if err != nil {
				return err
			}
			clients, err := versioned.NewForConfig(config)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return smokeTest(ctx, clients.BitcoincontrollerV1().BitcoinNetworks(namespace), name, cmd.OutOrStdout())
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", kubeconfigUsage)
	command.Flags().StringVar(&namespace, "namespace", "default", "namespace of the network")
	command.Flags().StringVar(&name, "name", "smoke-test", "name of the network")
	command.Flags().DurationVar(&timeout, "timeout", 3*time.Minute, "maximum time until the network is ready")
	return command
}

// smokeTestAnnotation marks the networks of smoke tests, so that the next one can delete what a killed one left.
const smokeTestAnnotation = v1.GroupName + "/smoke-test"

func removeLeftover(ctx context.Context, networks typed.BitcoinNetworkInterface, name string) error {
	left, err := networks.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get the network %s: %w", name, err)
	case left.Annotations[smokeTestAnnotation] == "":
		return fmt.Errorf("the network %s exists and was not created by a smoke test: choose another name with --name", name)
	}
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(left.UID))}
	if err := networks.Delete(ctx, name, options); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the network %s of an earlier smoke test: %w", name, err)
	}
	return nil
}

func smokeTest(ctx context.Context, networks typed.BitcoinNetworkInterface, name string, out io.Writer) (err error) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.BitcoinNetworkSpec{Nodes: 2}}
	network.Annotations = map[string]string{smokeTestAnnotation: "true"}
	if err := removeLeftover(ctx, networks, name); err != nil {
		return err
	}
	created, err := networks.Create(ctx, network, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create the network %s: %w", name, err)
	}
	defer func() {
		// The context may have ended; the network is deleted in any case.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		gone := networks.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
		if err == nil && gone != nil && !apierrors.IsNotFound(gone) {
			err = gone
		}
	}()
	started := time.Now()
	last := ""
	_, err = watchtools.Until(ctx, created.ResourceVersion, watcher{networks, name}, func(e watch.Event) (bool, error) {
		seen, ok := e.Object.(*v1.BitcoinNetwork)
		if !ok || e.Type == watch.Deleted {
			return false, fmt.Errorf("the network %s was deleted during the test", name)
		}
		ready := meta.FindStatusCondition(seen.Status.Conditions, v1.ConditionReady)
		if ready != nil && ready.Message != last {
			last = ready.Message
			fmt.Fprintf(out, "%6.1fs %s: %s\n", time.Since(started).Seconds(), ready.Reason, ready.Message) //nolint:errcheck // progress
		}
		return ready != nil && ready.Status == metav1.ConditionTrue, nil
	})
	if err != nil {
		return fmt.Errorf("the network did not become ready (%w); the last message of the condition Ready was: %s", err, last)
	}
	fmt.Fprintf(out, "two nodes are ready and connected after %.1f s\n", time.Since(started).Seconds()) //nolint:errcheck // progress
	return nil
}

// watcher watches one network.
type watcher struct {
	networks typed.BitcoinNetworkInterface
	name     string
}

func (w watcher) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.FieldSelector = "metadata.name=" + w.name
	return w.networks.Watch(ctx, options)
}

func (w watcher) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return w.WatchWithContext(context.Background(), options)
}
