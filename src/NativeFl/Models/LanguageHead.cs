using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Final norm, head and loss on the counted rows only. Logits are made a block of rows at a time, turned into their own gradient and
/// dropped, so that the logits of a whole batch never exist. (Blocks of rows rather than of the vocabulary: each logit is then computed
/// once, where a split vocabulary needs a second product to recompute it once its row's sum is known.)
/// </summary>
internal sealed class LanguageHead : IDisposable
{
    private const int LogitElements = 1 << 24;

    private readonly Transformer _model;
    private readonly Arena _arena;
    private readonly Slot _gathered, _normed, _rstd, _logits, _losses, _dLogits, _dNormed, _dGathered;
    private readonly int _block, _readBlock;
    private readonly bool _rounds;

    public LanguageHead(Transformer model, PassOptions options)
    {
        var config = model.Config;
        var type = model.Backend.ActivationType;
        int rows = options.MaxHeadRows;
        _model = model;
        _readBlock = Math.Clamp(LogitElements / config.VocabularySize, 1, Math.Max(rows, 1));
        _block = Math.Clamp(model.Backend.FullProductRows, _readBlock, Math.Max(rows, 1));
        _rounds = options.Backward && type != DType.F32;
        Plan = new MemoryPlan("head");
        _gathered = Plan.Add("counted rows", new Shape(rows, config.HiddenSize), type);
        _normed = Plan.Add("final norm output", new Shape(rows, config.HiddenSize), type);
        _rstd = Plan.Add("final norm 1/rms", new Shape(rows));
        _losses = Plan.Add("losses", new Shape(rows));
        _logits = Plan.Add("logits of a block of rows", new Shape(_block, config.VocabularySize));
        _dLogits = Plan.Add("gradient of the logits of a block", new Shape(_rounds ? _block : 0, config.VocabularySize), type);
        _dNormed = Plan.Add("final norm output gradient", new Shape(options.Backward ? rows : 0, config.HiddenSize), type);
        _dGathered = Plan.Add("counted rows gradient", new Shape(options.Backward ? rows : 0, config.HiddenSize), type);
        _arena = new Arena(model.Backend, Plan);
    }

    public MemoryPlan Plan { get; }

    /// <summary>losses (M) = −log p(target) of every counted row; with a gradient, dNormed too. Call before <see cref="Backward"/>.</summary>
    public void Losses(PassContext pass, TensorView x, bool withGradient)
    {
        int m = pass.Batch.HeadRows.Length;
        if (m == 0) return;
        Norm(pass, x);
        for (int first = 0; first < m; first += _block)
        {
            int count = Math.Min(_block, m - first);
            var (normed, logits) = (_arena[_normed].Slice(first, count), _arena[_logits].Slice(0, count));
            pass.Backend.LinearForward(normed, _model.Weights.Head, default, false, logits);
            var (targets, weights, losses) = (pass.Targets.Slice(first, count), pass.TargetWeights.Slice(first, count), _arena[_losses].Slice(first, count));
            var dLogits = withGradient && _rounds ? _arena[_dLogits].Slice(0, count) : logits;
            if (withGradient && _rounds) pass.Backend.CrossEntropy(targets, weights, logits, losses, dLogits);
            else pass.Backend.CrossEntropy(targets, weights, withGradient, logits, losses);
            if (!withGradient) continue;
            pass.Backend.LinearBackward(dLogits, _model.Weights.Head, false, _arena[_dNormed].Slice(first, count));
            if (pass.WeightGradients is { } gradients) pass.Backend.MatMul(dLogits, true, normed, false, true, gradients.Head);
        }
    }

    /// <summary>The losses of the last <see cref="Losses"/>.</summary>
    public void Read(PassContext pass, Span<float> losses)
    {
        int m = pass.Batch.HeadRows.Length;
        if (m > 0) pass.Backend.Download(_arena[_losses].Slice(0, m), losses);
    }

    /// <summary>The logits of every counted row, handed over a block at a time: (first counted row, rows, (rows, V) values).</summary>
    public void Logits(PassContext pass, TensorView x, Action<int, int, float[]> take)
    {
        int m = pass.Batch.HeadRows.Length;
        if (m == 0) return;
        Norm(pass, x);
        var host = new float[Math.Min(_readBlock, m) * _model.Config.VocabularySize];
        for (int first = 0; first < m; first += _readBlock)
        {
            int count = Math.Min(_readBlock, m - first);
            var logits = _arena[_logits].Slice(0, count);
            pass.Backend.LinearForward(_arena[_normed].Slice(first, count), _model.Weights.Head, default, false, logits);
            pass.Backend.Download(logits, host.AsSpan(0, count * _model.Config.VocabularySize));
            take(first, count, host);
        }
    }

    /// <summary>dx (N, C) = the gradient of the last block's output: zero on rows that do not count.</summary>
    public void Backward(PassContext pass, TensorView dx)
    {
        int m = pass.Batch.HeadRows.Length;
        pass.Backend.Fill(0, dx);
        if (m == 0) return;
        var dGathered = _arena[_dGathered].Slice(0, m);
        pass.Backend.Fill(0, dGathered);
        var dw = pass.WeightGradients?["model.norm.weight"] ?? default;
        pass.Backend.RmsNormBackward(
            _arena[_dNormed].Slice(0, m), _arena[_gathered].Slice(0, m), _model.Weights.FinalNorm, _arena[_rstd].Slice(0, m), dGathered, dw);
        pass.Backend.ScatterRows(dGathered, pass.HeadRows, dx);
    }

    public void Dispose() => _arena.Dispose();

    private void Norm(PassContext pass, TensorView x)
    {
        int m = pass.Batch.HeadRows.Length;
        pass.Backend.GatherRows(x, pass.HeadRows, _arena[_gathered].Slice(0, m));
        pass.Backend.RmsNormForward(
            _arena[_gathered].Slice(0, m), _model.Weights.FinalNorm, _model.Config.NormEpsilon, _arena[_normed].Slice(0, m), _arena[_rstd].Slice(0, m));
    }
}
