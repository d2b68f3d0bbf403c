using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

/// <summary>What the tests of attention share: a problem of random numbers, its results on the device, and their distance to the reference.</summary>
internal abstract class AttentionTest(DType dtype, bool useWgmma = false) : CudaTest
{
    protected DType Type => dtype;

    protected override CudaBackendOptions Configure(CudaBackendOptions options) => options with { ActivationType = dtype, UseWgmma = useWgmma && TestDevice.HasWgmma };

    [SetUp]
    public void RequireWgmma()
    {
        if (useWgmma && !TestDevice.HasWgmma) Assert.Ignore($"{TestDevice.Description} has no wgmma, or not by this compiler");
    }

    protected static TestCaseData Case(string name, AttentionShape shape, params AttentionSpan[] spans) =>
        new TestCaseData(shape, spans).SetArgDisplayNames(name);

    protected void AssertForwardMatchesReference(Problem problem)
    {
        (float[] o, float[] lse) = Forward(problem);
        (double[] expectedO, double[] expectedLse) =
            Reference.Attention.Forward(problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), problem.Spans, problem.Shape);
        AttentionBound bound = Bound(problem);
        Tolerance.AssertClose(o, expectedO, bound.O, 1);
        Tolerance.AssertClose(lse, expectedLse, bound.Lse, 1);
    }

    protected void AssertBackwardMatchesReference(Problem problem)
    {
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        (double[] expectedQ, double[] expectedK, double[] expectedV) = Reference.Attention.Backward(
            problem.DO.Wide(), problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), problem.Spans, problem.Shape);
        AttentionBound bound = Bound(problem);
        Tolerance.AssertClose(dv, expectedV, bound.DV, 1);
        Tolerance.AssertClose(dq, expectedQ, bound.DQ, 1);
        Tolerance.AssertClose(dk, expectedK, bound.DK, 1);
    }

    /// <summary>Three spans, the middle one from <paramref name="first"/> to <paramref name="end"/> all NaN: the others give the bits that they give without.</summary>
    protected void AssertNaNStaysInItsSpan(AttentionShape shape, int first, int end, int rows)
    {
        AttentionSpan[] spans = [AttentionSpan.Whole(0, first), AttentionSpan.Whole(first, end - first), AttentionSpan.Whole(end, rows - end)];
        Problem clean = Make(shape, spans), dirty = Make(shape, spans);
        foreach (float[] values in new[] { dirty.Q, dirty.K, dirty.V, dirty.DO })
        {
            int width = values.Length / rows;
            Array.Fill(values, float.NaN, first * width, (end - first) * width);
        }

        float[][] expected = Everything(clean), got = Everything(dirty);
        Assert.Multiple(() =>
        {
            foreach ((float[] a, float[] b) in expected.Zip(got))
            {
                int width = a.Length / rows;
                Assert.That(b[..(first * width)], Is.EqualTo(a[..(first * width)]));
                Assert.That(b[(end * width)..], Is.EqualTo(a[(end * width)..]));
                Assert.That(b[(first * width)..(end * width)], Is.All.NaN);
            }
        });
    }

    protected float[][] Everything(Problem problem)
    {
        (float[] o, float[] lse) = Forward(problem);
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        return [o, lse, dq, dk, dv];
    }

    protected (float[] O, float[] Lse) Forward(Problem p)
    {
        (TensorView o, TensorView lse) = RunForward(p, out _, out _, out _);
        return (Download(o), Download(lse));
    }

    protected (float[] DQ, float[] DK, float[] DV) Backward(Problem p)
    {
        (TensorView o, TensorView lse) = RunForward(p, out TensorView q, out TensorView k, out TensorView v);
        TensorView dO = Upload(p.DO, q.Rows, q.Columns, dtype), delta = Unwritten(q.Rows, p.Shape.Heads);
        TensorView dq = Unwritten(q.Rows, q.Columns, dtype), dk = Unwritten(k.Rows, k.Columns, dtype), dv = Unwritten(k.Rows, k.Columns, dtype);
        Backend.AttentionBackward(dO, q, k, v, o, lse, p.Spans, p.Shape, delta, dq, dk, dv);
        return (Download(dq), Download(dk), Download(dv));
    }

    /// <summary>Normal numbers as the tensors of the tested type hold them, so that only the op itself rounds.</summary>
    protected Problem Make(AttentionShape shape, AttentionSpan[] spans, int rows = 0, double scale = 1)
    {
        int queries = Math.Max(rows, spans.Max(s => s.QueryStart + s.QueryCount)), keys = Math.Max(rows, spans.Max(s => s.KeyStart + s.KeyCount));
        int width = shape.Heads * shape.HeadWidth, kvWidth = shape.KvHeads * shape.HeadWidth;
        float[] Numbers(int count, ulong seed, double size = 1) => Stored(Sample.Normal(count, seed, size), dtype);
        return new Problem(
            shape, spans, Numbers(queries * width, 1, scale), Numbers(keys * kvWidth, 2, scale), Numbers(keys * kvWidth, 3), Numbers(queries * width, 4));
    }

    private AttentionBound Bound(Problem p) => AttentionBound.Of(p.DO.Wide(), p.Q.Wide(), p.K.Wide(), p.V.Wide(), p.Spans, p.Shape, dtype);

    private (TensorView O, TensorView Lse) RunForward(Problem p, out TensorView q, out TensorView k, out TensorView v)
    {
        int width = p.Shape.Heads * p.Shape.HeadWidth, kvWidth = p.Shape.KvHeads * p.Shape.HeadWidth;
        q = Upload(p.Q, p.Q.Length / width, width, dtype);
        k = Upload(p.K, p.K.Length / kvWidth, kvWidth, dtype);
        v = Upload(p.V, p.V.Length / kvWidth, kvWidth, dtype);
        TensorView o = Unwritten(q.Rows, width, dtype), lse = Unwritten(q.Rows, p.Shape.Heads);
        Backend.AttentionForward(q, k, v, p.Spans, p.Shape, o, lse);
        return (o, lse);
    }

    /// <summary>The operands of a call, row-major, and the spans that it is given.</summary>
    protected sealed record Problem(AttentionShape Shape, AttentionSpan[] Spans, float[] Q, float[] K, float[] V, float[] DO);
}
