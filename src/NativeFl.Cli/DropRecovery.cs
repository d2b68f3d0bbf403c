using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>What follows a drop: the linear patch, healing, and the losses before and behind each of them.</summary>
internal sealed class DropRecovery
{
    private const string Whole = "before", Dropped = "dropped", Patched = "patched", Healed = "healed";

    private readonly VerbRun _run;
    private readonly IReadOnlyList<TokenizedExample> _patchSamples;
    private readonly Healing? _healing;
    private readonly HeldOutSet? _heldOut;
    private readonly JsonObject _calibrationLosses = [], _heldOutLosses = [];
    private LinearPatch? _patch;

    private DropRecovery(VerbRun run, IReadOnlyList<TokenizedExample> patchSamples, Healing? healing, HeldOutSet? heldOut) =>
        (_run, _patchSamples, _healing, _heldOut) = (run, patchSamples, healing, heldOut);

    /// <summary>Reads what the flags name.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">The model.</param>
    /// <param name="samples">The calibration set where it is read already.</param>
    public static DropRecovery Load(VerbRun run, ModelInput input, IReadOnlyList<TokenizedExample> samples)
    {
        IReadOnlyList<string> files = run.Get(RecoveryFlags.PatchData);
        IReadOnlyList<TokenizedExample> patchSamples = run.Get(RecoveryFlags.Patch).Length == 0 ? []
            : files.Count > 0 ? CalibrationData.Load(run, input, files)
            : samples.Count > 0 ? samples : CalibrationData.Load(run, input);
        return new DropRecovery(run, patchSamples, Healing.Load(run, input), EvaluationFlags.HeldOut(run, input.Config, input.Tokenizer));
    }

    /// <summary>Patches and heals the weights of <paramref name="model"/>, and adds to <paramref name="result"/> what that won back.</summary>
    /// <param name="model">The whole model: its weights are changed.</param>
    /// <param name="choice">What it is going to go without.</param>
    /// <param name="storage">What the checkpoint will be stored as.</param>
    /// <param name="folder">Where metrics.jsonl goes.</param>
    /// <param name="result">What drop reports.</param>
    public void Apply(Transformer model, DropChoice choice, DType storage, string folder, JsonObject result)
    {
        using Transformer dropped = model.Without(choice.Dropped);
        Measure(model, Whole);
        Measure(dropped, Dropped);
        if (_patchSamples.Count > 0)
        {
            _patch = Fit(model, choice.Dropped);
            _patch.ApplyTo(model);
            Measure(dropped, Patched);
            JsonObject json = LayerJson.Of(_patch);
            json["loss"] = _calibrationLosses;
            result["patch"] = json;
            foreach (PatchedGap gap in _patch.Gaps) _run.Print(Line(gap));
        }

        if (_healing is not null)
        {
            result["heal"] = _healing.Apply(dropped, storage, folder);
            Measure(dropped, Healed);
        }

        if (_calibrationLosses.Count > 0) _run.Print($"calibration loss: {Line(_calibrationLosses)}");
        if (_heldOut is null) return;
        result["eval"] = _heldOutLosses;
        _run.Print($"held-out loss: {Line(_heldOutLosses)}");
    }

    /// <summary>Makes the same changes to a model whose weights are held more finely than those of the one that ran.</summary>
    public void ApplyAgain(Transformer model, DropChoice choice, DType storage)
    {
        _patch?.ApplyTo(model);
        using Transformer dropped = model.Without(choice.Dropped);
        _healing?.ApplyAgain(dropped, storage);
    }

    private LinearPatch Fit(Transformer model, DroppedSublayers dropped)
    {
        using var bar = new ProgressBar(_run, "patch");
        return LinearPatch.Fit(
            model, dropped, _patchSamples, _run.Get(RecoveryFlags.Ridge), onSample: (done, of) => bar.Report(done, of, 0, ""), cancellation: _run.Cancellation);
    }

    private void Measure(Transformer model, string stage)
    {
        if (_patchSamples.Count > 0) _calibrationLosses[stage] = Loss(model, _patchSamples);
        if (_heldOut is not null) _heldOutLosses[stage] = Loss(model, _heldOut.Examples);
    }

    private JsonObject Loss(Transformer model, IReadOnlyList<TokenizedExample> examples)
    {
        using var scorer = new TokenScorer(model);
        PerplexityResult loss = Perplexity.Measure(scorer, examples, _run.Cancellation);
        return new JsonObject
        {
            ["loss"] = JsonOutput.Number(loss.Loss),
            ["stderr"] = JsonOutput.Number(loss.StandardError),
        };
    }

    private static string Line(JsonObject stages) =>
        string.Join(", ", stages.Select(stage => $"{Figures.WithError((double)stage.Value!["loss"]!, (double?)stage.Value["stderr"])} {stage.Key}"));

    private static string Line(PatchedGap gap) => gap.Into is { } module
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"without {string.Join(", ", gap.Dropped)}: folded into {module}, the stream is off by {100 * gap.ErrorBefore:0.00} % -> {100 * gap.ErrorAfter:0.00} %")
        : $"without {string.Join(", ", gap.Dropped)}: nothing before it to patch";
}
