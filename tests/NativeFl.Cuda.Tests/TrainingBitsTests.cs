using System.Runtime.InteropServices;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>Training gives the same bits when it is done again, and the same bits without graphs.</summary>
internal sealed class TrainingBitsTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void Adapters_depend_neither_on_the_run_nor_on_graphs([Values(DType.F32, DType.BF16)] DType dtype, [Values] bool useBlas)
    {
        (int[] Bits, double[] Losses, int Graphs) run = Train(dtype, useBlas, useGraphs: true), again = Train(dtype, useBlas, useGraphs: true);
        (int[] Bits, double[] Losses, int Graphs) plain = Train(dtype, useBlas, useGraphs: false);
        Assert.Multiple(() =>
        {
            Assert.That(run.Graphs, Is.GreaterThan(0), "a step came again as a graph");
            Assert.That(again.Graphs, Is.EqualTo(run.Graphs));
            Assert.That(plain.Graphs, Is.Zero);
            Assert.That(run.Losses, Is.Ordered.Descending, "the clients learn");
            Assert.That(again.Losses, Is.EqualTo(run.Losses));
            Assert.That(plain.Losses, Is.EqualTo(run.Losses));
            Assert.That(again.Bits.AsSpan().SequenceEqual(run.Bits), "the same bits twice");
            Assert.That(plain.Bits.AsSpan().SequenceEqual(run.Bits), "the same bits without graphs");
        });
    }

    /// <summary>The bits of two adapters that train together, the losses of the one that trains longer, and how many graphs there were.</summary>
    private static (int[] Bits, double[] Losses, int Graphs) Train(DType dtype, bool useBlas, bool useGraphs)
    {
        using var fixture = new FixtureCase("llama");
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { ActivationType = dtype, UseBlas = useBlas, UseGraphs = useGraphs });
        if (useBlas && !backend.ProductsName.StartsWith("cuBLASLt", StringComparison.Ordinal)) Assert.Ignore(backend.ProductsName);
        using Transformer model = Transformer.Load(backend, fixture.Folder, dtype);
        ClientTask Client(string id, int steps) => new()
        {
            Id = id,
            Seed = (ulong)steps,
            Examples = fixture.Examples,
            Initial = fixture.Adapter("clients", id),
            Options = new TrainingOptions { BatchSize = fixture.Examples.Count, Steps = steps, LearningRate = 1e-2, Dropout = 0.1, Shuffle = false },
        };

        // The first step also fills the memory that it is given, the next two of both are the same work, and the last is one client's alone.
        IReadOnlyList<ClientUpdate> updates = new AdapterTrainer(model).Train([Client("0", 3), Client("2", 4)]);
        float[] values = [.. updates.SelectMany(update => update.Adapter.Modules.Values).SelectMany(factors => factors.A.Concat(factors.B))];
        return (MemoryMarshal.Cast<float, int>(values).ToArray(), [.. updates[1].Losses], backend.Graphs);
    }
}
