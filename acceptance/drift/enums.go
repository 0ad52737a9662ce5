package main

import (
	"reflect"
	"time"

	"github.com/runflow-io/runflow-go"
)

// someTime is any time.
var someTime = time.Date(2026, time.May, 6, 10, 0, 0, 0, time.UTC)

// enums contains the constants of each type of codes that the SDK exports.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[runflow.RunStatus](): codes(runflow.RunStatusQueued, runflow.RunStatusDispatching, runflow.RunStatusRunning,
		runflow.RunStatusSucceeded, runflow.RunStatusFailed, runflow.RunStatusCancelled, runflow.RunStatusPartialSucceeded),
	reflect.TypeFor[runflow.EvaluationStatus](): codes(runflow.EvaluationStatusPending, runflow.EvaluationStatusRunning,
		runflow.EvaluationStatusCompleted, runflow.EvaluationStatusFailed),
	reflect.TypeFor[runflow.TargetType](): codes(runflow.TargetTypeModel, runflow.TargetTypeFlow, runflow.TargetTypeComfyui),
	reflect.TypeFor[runflow.RunSource]():  codes(runflow.RunSourcePlayground, runflow.RunSourceAPI, runflow.RunSourceFlowNode),
	reflect.TypeFor[runflow.FailureStage](): codes(runflow.FailureStageDispatch, runflow.FailureStageExecution,
		runflow.FailureStageCallback, runflow.FailureStageReconciliation),
	reflect.TypeFor[runflow.RunEmbed](): codes(runflow.RunEmbedNodeRuns, runflow.RunEmbedLogs, runflow.RunEmbedModel,
		runflow.RunEmbedFlow, runflow.RunEmbedComfyuiWorkflow, runflow.RunEmbedCurrentEvaluationSummary),
	reflect.TypeFor[runflow.RunLogEmbed](): codes(runflow.RunLogEmbedRun),
	reflect.TypeFor[runflow.ModelEmbed](): codes(runflow.ModelEmbedInputs, runflow.ModelEmbedOutputs, runflow.ModelEmbedExamples,
		runflow.ModelEmbedFAQEntries, runflow.ModelEmbedPricing, runflow.ModelEmbedRelatedLinks),
	reflect.TypeFor[runflow.WorkflowEmbed]():  codes(runflow.WorkflowEmbedInputs, runflow.WorkflowEmbedOutputs, runflow.WorkflowEmbedGPUExplicitModels),
	reflect.TypeFor[runflow.AssetEmbed]():     codes(runflow.AssetEmbedCreatedByUser),
	reflect.TypeFor[runflow.BatchItemEmbed](): codes(runflow.BatchItemEmbedRun),
	reflect.TypeFor[runflow.EvaluationEmbed](): codes(runflow.EvaluationEmbedJudges, runflow.EvaluationEmbedAction,
		runflow.EvaluationEmbedGateFailures),
	reflect.TypeFor[runflow.WebhookEmbed](): codes(runflow.WebhookEmbedEventSubscriptions, runflow.WebhookEmbedDeliveries),
	reflect.TypeFor[runflow.AccountEmbed](): codes(runflow.AccountEmbedMemberships, runflow.AccountEmbedOrganizations,
		runflow.AccountEmbedPendingInvitations),
}

// isStatus reports whether the methods that wait must know all constants of t.
func isStatus(t reflect.Type) bool {
	return t == reflect.TypeFor[runflow.RunStatus]() || t == reflect.TypeFor[runflow.EvaluationStatus]()
}

func codes[T ~string](values ...T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

// enumOf returns the constants of T.
func enumOf[T ~string]() []T {
	var values []T
	for _, text := range enums[reflect.TypeFor[T]()] {
		values = append(values, T(text))
	}
	return values
}
