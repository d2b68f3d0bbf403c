using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

/// <summary>
/// The base of tests of ops: the backend of a fixture, tensors that live for one test, and a check that every byte came back. What an op X does
/// on any backend is said once, in an abstract XTests; CpuXTests and CudaXTests run it.
/// </summary>
internal abstract class OpTest
{
    private readonly List<DeviceMemory> _memory = [];
    private Backend? _backend;
    private string _absence = "";

    /// <summary>The backend of the fixture.</summary>
    protected Backend Backend => _backend!;

    /// <summary>Tests of the fixture that have run.</summary>
    protected int Ran { get; private set; }

    /// <summary>The backend under test. Where it is not to be had: an <see cref="IgnoreException"/> that says why.</summary>
    protected abstract Backend Open();

    /// <summary>The end of what <see cref="Open"/> gave.</summary>
    protected virtual void Close(Backend backend) => backend.Dispose();

    [OneTimeSetUp]
    public void OpenBackend()
    {
        try
        {
            _backend = Open();
        }
        catch (IgnoreException absent)
        {
            _absence = absent.Message;
        }
    }

    [SetUp]
    public void RequireBackend()
    {
        if (_backend is null) Assert.Ignore(_absence);
        Ran++;
    }

    [TearDown]
    public void FreeTensors()
    {
        foreach (DeviceMemory memory in _memory) memory.Dispose();
        _memory.Clear();
        if (_backend is not null) Assert.That(_backend.AllocatedBytes, Is.Zero, "bytes not given back");
    }

    [OneTimeTearDown]
    public void CloseBackend()
    {
        if (_backend is not null) Close(_backend);
    }

    /// <summary>What a run gives on another backend.</summary>
    protected T On<T>(Backend other, Func<T> run)
    {
        (Backend? own, int first) = (_backend, _memory.Count);
        _backend = other;
        try
        {
            return run();
        }
        finally
        {
            foreach (DeviceMemory memory in _memory[first..]) memory.Dispose();
            _memory.RemoveRange(first, _memory.Count - first);
            _backend = own;
        }
    }

    /// <summary>On the CPU the result is the same to the last bit with one, two and three threads.</summary>
    protected void SameBitsOnAnyThreads(Func<float[]> op)
    {
        uint[][] bits = [.. new[] { 1, 2, 3 }.Select(threads =>
        {
            using var backend = new CpuBackend(new CpuBackendOptions { Threads = threads });
            return Agreement.Bits(On(backend, op));
        })];
        Assert.That(bits, Is.All.EqualTo(bits[0]));
    }

    /// <summary>A tensor of these numbers, rounded to <paramref name="dtype"/>.</summary>
    protected TensorView Upload(ReadOnlySpan<float> values, int rows, int columns, DType dtype = DType.F32)
    {
        TensorView tensor = New(rows, columns, dtype);
        if (dtype == DType.BF16) Backend.Upload<ushort>(Array.ConvertAll(values.ToArray(), Bf16.Round), tensor);
        else Backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>As above, of doubles.</summary>
    protected TensorView Upload(double[] values, int rows, int columns, DType dtype = DType.F32) =>
        Upload(Array.ConvertAll(values, value => (float)value), rows, columns, dtype);

    /// <summary>A vector of these integers.</summary>
    protected TensorView UploadIntegers(params int[] values)
    {
        TensorView tensor = New(values.Length, 1, DType.I32);
        Backend.Upload<int>(values, tensor);
        return tensor;
    }

    /// <summary>A tensor full of NaN: whatever an op does not write stays NaN.</summary>
    protected TensorView Unwritten(int rows, int columns, DType dtype = DType.F32)
    {
        TensorView tensor = New(rows, columns, dtype);
        Backend.Fill(float.NaN, tensor);
        return tensor;
    }

    /// <summary>A tensor of zeros.</summary>
    protected TensorView New(int rows, int columns, DType dtype = DType.F32)
    {
        var shape = new Shape(rows, columns);
        return new TensorView(Allocate(shape.Count * dtype.Size()), shape, dtype);
    }

    /// <summary>A packed matrix of these row-major numbers.</summary>
    protected PackedMatrix Pack(ReadOnlySpan<float> values, int rows, int columns, DType dtype)
    {
        var packed = new PackedMatrix(Allocate(Backend.PackedBytes(rows, columns, dtype)), rows, columns, dtype);
        Backend.Pack(Upload(values, rows, columns), 0, packed);
        return packed;
    }

    /// <summary>The elements of an f32 or bf16 tensor.</summary>
    protected float[] Download(TensorView tensor)
    {
        if (tensor.DType != DType.BF16) return Download<float>(tensor);
        return Array.ConvertAll(Download<ushort>(tensor), Bf16.Widen);
    }

    /// <summary>The elements as they are stored.</summary>
    protected T[] Download<T>(TensorView tensor)
        where T : unmanaged
    {
        var values = new T[tensor.Count];
        Backend.Download<T>(tensor, values);
        return values;
    }

    /// <summary>The row-major elements of a packed matrix.</summary>
    protected float[] Unpack(PackedMatrix packed)
    {
        TensorView rows = New(packed.Out, packed.In);
        Backend.Unpack(packed, 0, rows);
        return Download(rows);
    }

    /// <summary>The values that a tensor of <paramref name="dtype"/> holds after being given <paramref name="values"/>.</summary>
    protected static float[] Stored(float[] values, DType dtype) =>
        dtype == DType.BF16 ? Array.ConvertAll(values, value => Bf16.Widen(Bf16.Round(value))) : values;

    private nint Allocate(long bytes)
    {
        DeviceMemory memory = Backend.Allocate(Math.Max(1, bytes));
        _memory.Add(memory);
        return memory.Pointer;
    }
}
