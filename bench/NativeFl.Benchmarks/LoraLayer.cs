using NativeFl.Tensors;

namespace NativeFl.Benchmarks;

/// <summary>One transformer layer with LoRA on its seven projections, written out over the backend's ops.</summary>
internal sealed class LoraLayer
{
    private readonly Backend _backend;
    private readonly AttentionShape _shape;
    private readonly AttentionSpan[] _spans;
    private readonly Projection _query, _key, _value, _output, _gate, _up, _down;
    private readonly TensorView _positions, _frequencies, _attentionNorm, _mlpNorm;
    private readonly TensorView _x, _normed, _rstd, _q, _k, _v, _o, _lse, _middle, _normed2, _rstd2, _g, _u, _h, _y;
    private readonly TensorView _dy, _dh, _dg, _du, _dNormed, _do, _delta, _dq, _dk, _dv;

    public LoraLayer(Backend backend, OperandSet operands, AttentionShape shape, int tokens, int feedForward, int rank, DType weights)
    {
        (_backend, _shape) = (backend, shape);
        int width = shape.Heads * shape.HeadWidth, kv = shape.KvHeads * shape.HeadWidth;
        TensorView New(int rows, int columns) => operands.Random(backend, rows, columns);
        Projection Linear(int outputs, int inputs) => new(backend, operands, outputs, inputs, tokens, rank, weights);
        _spans = [AttentionSpan.Whole(0, tokens)];
        (_query, _key, _value, _output) = (Linear(width, width), Linear(kv, width), Linear(kv, width), Linear(width, width));
        (_gate, _up, _down) = (Linear(feedForward, width), Linear(feedForward, width), Linear(width, feedForward));
        (_positions, _frequencies) = (operands.Positions(backend, tokens), New(shape.HeadWidth / 2, 1));
        (_attentionNorm, _mlpNorm, _rstd, _rstd2) = (New(width, 1), New(width, 1), New(tokens, 1), New(tokens, 1));
        (_x, _normed, _middle) = (New(tokens, width), New(tokens, width), New(tokens, width));
        (_normed2, _y) = (New(tokens, width), New(tokens, width));
        (_q, _k, _v, _o, _lse) = (New(tokens, width), New(tokens, kv), New(tokens, kv), New(tokens, width), New(tokens, shape.Heads));
        (_g, _u, _h) = (New(tokens, feedForward), New(tokens, feedForward), New(tokens, feedForward));
        (_dy, _dNormed, _do, _delta) = (New(tokens, width), New(tokens, width), New(tokens, width), New(tokens, shape.Heads));
        (_dh, _dg, _du) = (New(tokens, feedForward), New(tokens, feedForward), New(tokens, feedForward));
        (_dq, _dk, _dv) = (New(tokens, width), New(tokens, kv), New(tokens, kv));
    }

    public void Forward()
    {
        _backend.RmsNormForward(_x, _attentionNorm, 1e-5f, _normed, _rstd);
        _query.Forward(_normed, false, _q);
        _key.Forward(_normed, false, _k);
        _value.Forward(_normed, false, _v);
        _backend.RopeForward(_positions, _frequencies, _q);
        _backend.RopeForward(_positions, _frequencies, _k);
        _backend.AttentionForward(_q, _k, _v, _spans, _shape, _o, _lse);
        _backend.Copy(_x, _middle);
        _output.Forward(_o, true, _middle);
        _backend.RmsNormForward(_middle, _mlpNorm, 1e-5f, _normed2, _rstd2);
        _gate.Forward(_normed2, false, _g);
        _up.Forward(_normed2, false, _u);
        _backend.SwigluForward(_g, _u, _h);
        _backend.Copy(_middle, _y);
        _down.Forward(_h, true, _y);
    }

    public void Backward()
    {
        // The gradient of the residual stream is what the forward left in y, put in place again so that it does not grow.
        _backend.Copy(_y, _dy);
        _down.Backward(_dy, _h, false, _dh);
        _backend.SwigluBackward(_dh, _g, _u, _dg, _du);
        _gate.Backward(_dg, _normed2, false, _dNormed);
        _up.Backward(_du, _normed2, true, _dNormed);
        _backend.RmsNormBackward(_dNormed, _middle, _mlpNorm, _rstd2, _dy, default);
        _output.Backward(_dy, _o, false, _do);
        _backend.AttentionBackward(_do, _q, _k, _v, _o, _lse, _spans, _shape, _delta, _dq, _dk, _dv);
        _backend.RopeBackward(_positions, _frequencies, _dq);
        _backend.RopeBackward(_positions, _frequencies, _dk);
        _query.Backward(_dq, _normed, false, _dNormed);
        _key.Backward(_dk, _normed, true, _dNormed);
        _value.Backward(_dv, _normed, true, _dNormed);
        _backend.RmsNormBackward(_dNormed, _x, _attentionNorm, _rstd, _dy, default);
    }

    /// <summary>A frozen matrix with its adapter.</summary>
    private sealed class Projection
    {
        private readonly Backend _backend;
        private readonly LoraGroup[] _groups;
        private readonly PackedMatrix _w;
        private readonly TensorView _a, _b, _da, _db, _s, _ds;

        public Projection(Backend backend, OperandSet operands, int outputs, int inputs, int tokens, int rank, DType weights)
        {
            _backend = backend;
            _groups = [new LoraGroup(0, tokens, 0, rank, 0, 2f / MathF.Sqrt(inputs))];
            using (var rows = new OperandSet()) _w = operands.Packed(backend, rows.Random(backend, outputs, inputs), weights);
            (_a, _da) = (operands.Random(backend, rank, inputs), operands.Random(backend, rank, inputs));
            (_b, _db) = (operands.Random(backend, rank, outputs), operands.Random(backend, rank, outputs));
            (_s, _ds) = (operands.Random(backend, tokens, rank), operands.Random(backend, tokens, rank));
        }

        public void Forward(TensorView x, bool accumulate, TensorView y)
        {
            _backend.LinearForward(x, _w, default, accumulate, y);
            _backend.LoraForward(x, _a, _b, _groups, _s, y);
        }

        public void Backward(TensorView dy, TensorView x, bool accumulate, TensorView dx)
        {
            _backend.LinearBackward(dy, _w, accumulate, dx);
            _backend.LoraBackward(dy, x, _a, _b, _s, _groups, _ds, _da, _db, dx);
        }
    }
}
