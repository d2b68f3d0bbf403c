using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Finetuning;

/// <summary>A checkpoint belongs to one run: whoever goes on with it must start from the same and read the same.</summary>
public sealed class TrainingCheckpointTests
{
    private string _folder = null!;
    private CpuBackend _backend = null!;
    private Transformer _model = null!;

    private TrainerOptions Options => new() { CheckpointFolder = _folder, CheckpointEvery = 1 };

    [SetUp]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("nativefl-test-").FullName;
        _backend = TrainingCases.Backend();
        _model = TrainingCases.Model(_backend);
    }

    [TearDown]
    public void Close()
    {
        _model.Dispose();
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static IEnumerable<TestCaseData<Func<ClientTask, ClientTask>, string>> Changes()
    {
        yield return Change(c => c with { Seed = 99 }, "seed 99", "another seed");
        yield return Change(c => c with { Examples = [c.Examples[1], c.Examples[0], .. c.Examples.Skip(2)] }, "examples", "examples in another order");
        yield return Change(c => c with { Examples = [c.Examples[0] with { Starts = [0, 3] }, .. c.Examples.Skip(1)] }, "examples", "an example in two parts");
        yield return Change(c => c with { Options = c.Options with { Shuffle = false } }, "in order", "data in order");
        yield return Change(c => c with { Initial = Changed(c.Initial, f => f with { Scaling = f.Scaling * 2 }) }, "adapters", "another scaling");
        yield return Change(c => c with { Initial = Changed(c.Initial, f => f with { B = [.. f.B.Select(x => -x)] }) }, "adapters", "another start");
    }

    [TestCaseSource(nameof(Changes))]
    public void That_of_another_run_is_refused(Func<ClientTask, ClientTask> change, string says)
    {
        ClientTask client = TrainingCases.Clients(_model.Config)[3];
        new AdapterTrainer(_model, Options).Train([client]);
        Assert.That(
            () => new AdapterTrainer(_model, Options).Train([change(client)]),
            Throws.InstanceOf<InvalidInputException>().With.Message.Contains("wave-0.safetensors").And.Message.Contains(says));
        Assert.That(() => new AdapterTrainer(_model, Options).Train([client]), Throws.Nothing, "the run itself goes on");
    }

    [Test]
    public void That_of_a_base_in_another_type_is_refused()
    {
        ClientTask client = TrainingCases.Clients(_model.Config)[3];
        new AdapterTrainer(_model, Options).Train([client]);
        using Transformer model = TrainingCases.Model(_backend, DType.BF16);
        Assert.That(
            () => new AdapterTrainer(model, Options).Train([client]),
            Throws.InstanceOf<InvalidInputException>().With.Message.Contains("a base in BF16").And.Message.Contains("a base in F32"));
    }

    private static TestCaseData<Func<ClientTask, ClientTask>, string> Change(Func<ClientTask, ClientTask> change, string says, string name) =>
        new TestCaseData<Func<ClientTask, ClientTask>, string>(change, says).SetArgDisplayNames(name);

    private static AdapterWeights Changed(AdapterWeights adapter, Func<LoraFactors, LoraFactors> change)
    {
        ModuleId first = adapter.Modules.Keys.Min();
        return new AdapterWeights(adapter.Modules.ToDictionary(m => m.Key, m => m.Key == first ? change(m.Value) : m.Value));
    }
}
