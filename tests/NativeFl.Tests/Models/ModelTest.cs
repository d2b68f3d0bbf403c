using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Models;

/// <summary>The base of tests that each have a model of tests/fixtures to themselves, in f32 on two threads.</summary>
public abstract class ModelTest(string fixture)
{
    private CpuBackend? _backend;
    private Transformer? _model;

    /// <summary>The backend of the test.</summary>
    protected CpuBackend Backend => _backend!;

    /// <summary>The model of the test.</summary>
    protected Transformer Model => _model!;

    [SetUp]
    public void OpenModel()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = 2 });
        _model = Transformer.Load(_backend, Fixtures.Path("models", fixture), DType.F32);
    }

    [TearDown]
    public void CloseModel()
    {
        _model?.Dispose();
        _backend?.Dispose();
    }
}
