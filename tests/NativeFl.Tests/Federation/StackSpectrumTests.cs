using CsCheck;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tests.Reference;

namespace NativeFl.Tests.Federation;

/// <summary>Against the eigenvalues of the dense ΔWᵀΔW, by code that shares nothing with QR and Jacobi on the core.</summary>
public sealed class StackSpectrumTests
{
    private static readonly Gen<LoraFactors> Stacks = Gen.Select(Gen.Int[1, 9], Gen.Int[1, 12], Gen.Int[1, 12], Gen.Double[0.1, 3]).SelectMany(
        (rank, outFeatures, inFeatures, scaling) => Gen.Select(
            Gen.Float[-2, 2].Array[rank * inFeatures], Gen.Float[-2, 2].Array[rank * outFeatures],
            (a, b) => new LoraFactors(rank, outFeatures, inFeatures, (float)scaling, a, b)));

    [Test]
    public void Singular_values_are_those_of_the_dense_product() => Stacks.Sample(stack =>
    {
        double[] got = [.. new StackSpectrum(stack).SingularValues];
        double[] expected = SingularValues.Of(Dense(stack), stack.OutFeatures, stack.InFeatures);
        Assert.That(got, Is.Ordered.Descending);
        Assert.That(got, Has.Length.EqualTo(Math.Min(stack.Rank, Math.Min(stack.OutFeatures, stack.InFeatures))));
        for (int i = 0; i < expected.Length; i++)
            Assert.That(i < got.Length ? got[i] : 0, Is.EqualTo(expected[i]).Within(1e-6 * expected[0] + 1e-12), $"σ{i + 1}");
    });

    [Test]
    public void Truncation_loses_exactly_the_tail() => Gen.Select(Stacks, Gen.Int[1, 10]).Sample((stack, rank) =>
    {
        var spectrum = new StackSpectrum(stack);
        double[] dense = Dense(stack), cut = Dense(spectrum.Truncated(rank));
        double error = Math.Sqrt(dense.Zip(cut).Sum(p => (p.First - p.Second) * (p.First - p.Second)));
        double tail = Math.Sqrt(spectrum.SingularValues.Skip(rank).Sum(s => s * s)), norm = Math.Sqrt(dense.Sum(x => x * x));
        Assert.That(error, Is.EqualTo(tail).Within(1e-6 * norm + 1e-12));
    });

    [Test]
    public void Rank_for_an_energy_is_the_smallest_that_has_it() => Gen.Select(Stacks, Gen.Double[0.01, 0.999]).Sample((stack, energy) =>
    {
        var spectrum = new StackSpectrum(stack);
        double[] squares = [.. spectrum.SingularValues.Select(s => s * s)];
        int rank = spectrum.RankFor(energy);
        Assert.That(squares.Take(rank).Sum(), Is.GreaterThanOrEqualTo(energy * squares.Sum() * (1 - 1e-12)));
        if (rank > 1) Assert.That(squares.Take(rank - 1).Sum(), Is.LessThan(energy * squares.Sum()));
    });

    [Test]
    public void Directions_of_no_strength_can_still_learn()
    {
        // Two equal clients: rank 2 in four rows.
        float[] a = [1, 2, 3, 4, 5, 6, 1, 2], b = [1, 0, 2, 1, 3, 1];
        var stack = new LoraFactors(4, 3, 4, 1, [.. a, .. a], [.. b, .. b]);
        LoraFactors cut = new StackSpectrum(stack).Truncated(3);
        double RowNorm(float[] values, int row, int width) => values.Skip(row * width).Take(width).Sum(x => (double)x * x);
        Assert.Multiple(() =>
        {
            Assert.That(RowNorm(cut.A, 2, 4), Is.EqualTo(1).Within(1e-6), "a unit row in A");
            Assert.That(RowNorm(cut.B, 2, 3), Is.Zero);
            Assert.That(new StackSpectrum(stack).RankFor(1), Is.EqualTo(2));
        });
    }

    [Test]
    public void A_zero_stack_has_no_spectrum()
    {
        var spectrum = new StackSpectrum(new LoraFactors(2, 5, 4, 1, new float[8], new float[10]));
        Assert.Multiple(() =>
        {
            Assert.That(spectrum.SingularValues, Is.All.Zero);
            Assert.That(spectrum.RankFor(0.9), Is.EqualTo(1));
            Assert.That(spectrum.Truncated(1).B, Is.All.Zero);
            Assert.That(spectrum.Truncated(1).A.Any(x => x != 0));
        });
    }

    private static double[] Dense(LoraFactors factors) => [.. Adapters.Dense(factors).Cast<double>()];
}
