using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>A whole model beside one that goes without some sublayers and is patched gap by gap.</summary>
internal sealed class GapFitter : IDisposable
{
    private readonly Transformer _student;
    private readonly TransformerPass _whole, _dropped;
    private readonly Sublayer[] _sublayers;
    private readonly IReadOnlyList<TokenizedExample> _samples;
    private readonly int _width, _maxRows;

    public GapFitter(Transformer model, DroppedSublayers dropped, IReadOnlyList<TokenizedExample> samples, int maxRows)
    {
        (_samples, _width) = (samples, model.Config.HiddenSize);
        _maxRows = Math.Max(maxRows, samples.Max(s => s.InputIds.Length));
        _sublayers = [.. model.Config.Sublayers()];
        using Transformer view = model.Without(dropped);
        _student = view.Clone();
        var options = new PassOptions { MaxRows = _maxRows, MaxHeadRows = 1 };
        (_whole, _dropped) = (new TransformerPass(model, options), new TransformerPass(_student, options));
    }

    /// <summary>Patches the gap between two kept sublayers of the whole model; gaps before it must have had their turn.</summary>
    /// <param name="before">The place of the one before it among the whole model's.</param>
    /// <param name="behind">The place of the one behind it, or their number.</param>
    /// <param name="ridge">λ in units of the mean eigenvalue.</param>
    /// <param name="onSample">Told how many samples are done.</param>
    /// <param name="cancellation">Polled between passes.</param>
    public PatchedGap Fit(int before, int behind, double ridge, Action<int> onSample, CancellationToken cancellation)
    {
        Sublayer carrier = _sublayers[before];
        int own = _dropped.Sublayers.TakeWhile(sublayer => sublayer != carrier).Count() + 1;
        var regression = new StreamRegression(_width);
        var batch = new TokenBatch();
        for (int first = 0; first < _samples.Count; onSample(first))
        {
            cancellation.ThrowIfCancellationRequested();
            Fill(batch, ref first);
            if (batch.Rows == 0) continue;
            (float[] y, float[] m) = Run(_dropped, batch, own);
            regression.Add(m, y, Run(_whole, batch, behind));
        }

        double[] correction = regression.Solve(ridge, $"behind {carrier}");
        var module = new ModuleId(carrier.Layer, carrier.Kind == SublayerKind.Attention ? Projection.Output : Projection.Down);
        var gap = new PatchedGap(_sublayers[(before + 1)..behind], module, regression.ErrorBefore, regression.ErrorAfter, correction);
        gap.ApplyTo(_student);
        return gap;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _dropped.Dispose();
        _whole.Dispose();
        _student.Dispose();
    }

    /// <summary>As many samples as fit.</summary>
    private void Fill(TokenBatch batch, ref int first)
    {
        batch.Clear();
        for (; first < _samples.Count && batch.Rows + _samples[first].InputIds.Length <= _maxRows; first++)
        {
            TokenizedExample sample = _samples[first];
            if (sample.InputIds.Length > 0) batch.AddSequence(sample.InputIds, default, sample.Starts, 1);
        }
    }

    /// <summary>The stream before the last of the first so many sublayers, and what that one adds to it, (N, C) each.</summary>
    private static (float[] Stream, float[] Added) Run(TransformerPass pass, TokenBatch batch, int count)
    {
        pass.ForwardThrough(batch, count);
        return (pass.Read(pass.StreamBefore(count - 1)), pass.Read(pass.Output));
    }
}
