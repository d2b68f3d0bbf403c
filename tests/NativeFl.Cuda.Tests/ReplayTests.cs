using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>A replayed step does what a plain one does, bit for bit, whatever changes between its turns.</summary>
internal sealed class ReplayTests : CudaTest
{
    private const int Rows = 9, Columns = 40;

    [Test]
    public void A_step_becomes_a_graph_when_it_comes_again_and_stays_the_same()
    {
        int before = Backend.Graphs;
        Step step = NewStep(DType.F32);
        float[][] results = new float[4][];
        for (int turn = 0; turn < results.Length; turn++)
        {
            Backend.Fill(0, step.Sum);
            Backend.Replay(() => Run(step));
            results[turn] = Download(step.Sum);
            Assert.That(Backend.Graphs - before, Is.EqualTo(turn == 0 ? 0 : 1));
        }
        Backend.Fill(0, step.Sum);
        Run(step);
        float[] plain = Download(step.Sum);
        Assert.That(results, Is.All.EqualTo(plain));
    }

    [Test]
    public void Uploads_inside_a_step_are_those_of_the_turn()
    {
        Step step = NewStep(DType.BF16);
        for (int turn = 0; turn < 5; turn++)
        {
            float[] values = Sample.Normal(Rows * Columns, (ulong)(100 + turn));
            Backend.Replay(() =>
            {
                Backend.Upload<float>(values, step.Wide);
                Backend.Copy(step.Wide, step.X);
                Backend.Fill(0, step.Sum);
                Run(step);
            });
            float[] replayed = Download(step.Sum);
            Backend.Upload<float>(values, step.Wide);
            Backend.Copy(step.Wide, step.X);
            Backend.Fill(0, step.Sum);
            Run(step);
            Assert.That(replayed, Is.EqualTo(Download(step.Sum)), $"turn {turn}");
        }
    }

    [Test]
    public void Lists_inside_a_step_are_those_of_the_turn()
    {
        TensorView gradients = Upload(Sample.Normal(1000, 9), 1000, 1), norms = Unwritten(2, 1);
        for (int turn = 0; turn < 4; turn++)
        {
            ParameterRange[] ranges = [new(100 * turn, 100, 0), new(500, 100 + turn, 1)];
            Backend.Replay(() =>
            {
                for (int i = 0; i < 4; i++) Backend.GradNorm(gradients, ranges, norms);
            });
            float[] replayed = Download(norms);
            Backend.GradNorm(gradients, ranges, norms);
            Assert.That(replayed, Is.EqualTo(Download(norms)), $"turn {turn}");
        }
    }

    [Test]
    public void A_step_may_read_results_wait_and_allocate_in_its_middle()
    {
        Step step = NewStep(DType.F32);
        for (int turn = 0; turn < 3; turn++)
        {
            float[] middle = [];
            Backend.Replay(() =>
            {
                Backend.Fill(0, step.Sum);
                Run(step);
                middle = Download(step.Sum);
                using DeviceMemory more = Backend.Allocate(64);
                Backend.Synchronize();
                Run(step);
            });
            float[] end = Download(step.Sum);
            Assert.That(end, Is.EqualTo(middle.Zip(middle, (a, b) => a + b).ToArray()).Within(1e-5));
        }
    }

    [Test]
    public void A_step_inside_a_step_is_part_of_it()
    {
        Step step = NewStep(DType.F32);
        for (int turn = 0; turn < 3; turn++)
        {
            Backend.Replay(() =>
            {
                Backend.Fill(0, step.Sum);
                Backend.Replay(() => Run(step));
            });
        }
        float[] nested = Download(step.Sum);
        Backend.Fill(0, step.Sum);
        Run(step);
        Assert.That(nested, Is.EqualTo(Download(step.Sum)));
    }

    [Test]
    public void A_step_that_throws_leaves_a_working_backend()
    {
        Step step = NewStep(DType.F32);
        Assert.That(
            () => Backend.Replay(() =>
            {
                Backend.Fill(7, step.Sum);
                throw new InvalidOperationException("stop");
            }),
            Throws.InvalidOperationException);
        Backend.Fill(1, step.Sum);
        Assert.That(Download(step.Sum), Is.All.EqualTo(1));
    }

    [Test]
    public void More_host_data_than_fits_beside_the_list_arrives_all_the_same([Values(1 << 20, 5 << 20)] int bytes)
    {
        int count = bytes / sizeof(int);
        TensorView[] tensors = [.. Enumerable.Range(0, (20 << 20) / bytes).Select(_ => New(count, 1, DType.I32))];
        for (int turn = 0; turn < 2; turn++)
        {
            Backend.Replay(() =>
            {
                for (int i = 0; i < tensors.Length; i++) Backend.Upload<int>(Enumerable.Repeat(i + turn, count).ToArray(), tensors[i]);
            });
            for (int i = 0; i < tensors.Length; i++) Assert.That(Download<int>(tensors[i]).All(value => value == i + turn), Is.True, $"tensor {i}");
        }
    }

    [Test]
    public void Only_the_last_few_graphs_are_kept()
    {
        TensorView tensor = New(64, 1);
        for (int i = 0; i < 40; i++)
        {
            for (int turn = 0; turn < 2; turn++)
            {
                Backend.Replay(() =>
                {
                    for (int op = 0; op < 5; op++) Backend.Fill(i, tensor);
                });
            }
            Assert.That(Download(tensor), Is.All.EqualTo(i));
        }
        Assert.That(Backend.Graphs, Is.InRange(2, 16));
    }

    [Test]
    public void Without_graphs_the_bits_are_the_same()
    {
        float[] Result(bool useGraphs)
        {
            using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { UseGraphs = useGraphs });
            var plan = new MemoryPlan("step");
            Slot x = plan.Add("x", new Shape(Rows, Columns)), y = plan.Add("y", new Shape(Rows, Columns)), sum = plan.Add("sum", new Shape(Rows, Columns));
            Slot wide = plan.Add("wide", new Shape(Rows, Columns)), w = plan.Add("w", new Shape(Columns)), rstd = plan.Add("rstd", new Shape(Rows));
            using var arena = new Arena(backend, plan);
            backend.Upload<float>(Sample.Normal(Rows * Columns, 1), arena[x]);
            backend.Upload<float>(Sample.Normal(Columns, 2), arena[w]);
            var step = new Step(arena[wide], arena[x], arena[w], arena[y], arena[rstd], arena[sum]);
            for (int turn = 0; turn < 3; turn++) backend.Replay(() => Run(step, backend));
            float[] values = new float[Rows * Columns];
            backend.Download<float>(arena[sum], values);
            Assert.That(backend.Graphs, Is.EqualTo(useGraphs ? 1 : 0));
            return values;
        }

        Assert.That(Result(useGraphs: true), Is.EqualTo(Result(useGraphs: false)));
    }

    private Step NewStep(DType dtype) => new(
        New(Rows, Columns), Upload(Sample.Normal(Rows * Columns, 1), Rows, Columns, dtype), Upload(Sample.Normal(Columns, 2), Columns, 1),
        New(Rows, Columns, dtype), New(Rows, 1), New(Rows, Columns, dtype));

    private void Run(Step step) => Run(step, Backend);

    private static void Run(Step step, CudaBackend backend)
    {
        for (int i = 1; i <= 3; i++)
        {
            backend.RmsNormForward(step.X, step.W, 1e-5f, step.Y, step.Rstd);
            backend.AddScaled(step.Y, 0.5f * i, step.Sum);
        }
    }

    private sealed record Step(TensorView Wide, TensorView X, TensorView W, TensorView Y, TensorView Rstd, TensorView Sum);
}
