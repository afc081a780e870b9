using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using DpSgd.Accounting;
using DpSgd.Checkpoints;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Checkpoints;

/// <summary>A checkpoint of another run, or a damaged one, is refused, and nothing of it is loaded.</summary>
public sealed class CheckpointRefusalTests : IDisposable
{
    private static readonly DPOptimizerOptions Options = Toy.Private with { Sampling = new PoissonSampling(0.25, 12) };

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => Path.Combine(_folder.Path, "run.ckpt");

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, DPOptimizerOptions> OtherOptions => new()
    {
        { "L2NormClip was 1, is 2", Options with { L2NormClip = 2 } },
        { "NoiseMultiplier was 1, is 1.1", Options with { NoiseMultiplier = 1.1 } },
        { "DatasetSize = 12*DatasetSize = 16", Options with { Sampling = new PoissonSampling(0.25, 16) } },
        { "Probability = 0.25*Probability = 0.5", Options with { Sampling = new PoissonSampling(0.5, 12) } },
        { "Sampling was PoissonSampling*is not set", Options with { Sampling = null } },
        { "MicrobatchSize was not set, is 3", Options with { MicrobatchSize = 3 } },
        { "NumMicrobatches was not set, is 3", Options with { NumMicrobatches = 3 } },
        { "LossReduction was Mean, is Sum", Options with { LossReduction = LossReduction.Sum } },
        { "Noise was RoundedGaussian from SecureNoiseSource, is DiscreteGaussian from SecureNoiseSource", Options with { Noise = NoiseSource.DiscreteGaussian } },
        { "NeighboringRelation was AddOrRemoveOne, is ReplaceSpecial", Options with { Accountant = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceSpecial) } },
    };

    [Theory]
    [MemberData(nameof(OtherOptions))]
    public void Other_options_are_named(string difference, DPOptimizerOptions options)
    {
        using var scope = NewDisposeScope();
        Save();
        var model = Toy.Model(8);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, options);
        RefusesAndChangesNothing<InvalidOperationException>(model, optimizer, $"*{difference}*");
    }

    public static TheoryData<string, Func<Module<Tensor, Tensor>>> OtherModels => new()
    {
        { "'second.weight' was Float64 [3, 8] trained, is Float64 [2, 8] trained*'second.bias' was Float64 [3] trained, is Float64 [2] trained", () => Sequential(("first", Linear(4, 8)), ("activation", Tanh()), ("second", Linear(8, 2))).to(ScalarType.Float64) },
        { "had 'first.weight' and has not*has 'one.weight' and had not", () => Sequential(("one", Linear(4, 8)), ("activation", Tanh()), ("second", Linear(8, 3))).to(ScalarType.Float64) },
        { "has 'third.weight' and had not", () => Sequential(("first", Linear(4, 8)), ("second", Linear(8, 3)), ("third", Linear(3, 3))).to(ScalarType.Float64) },
        { "'first.weight' was Float64 [8, 4] trained, is Float32 [8, 4] trained", () => Toy.Model(type: ScalarType.Float32) },
        { "'first.bias' was Float64 [8] trained, is Float64 [8]", () => Frozen("first.bias") },
    };

    [Theory]
    [MemberData(nameof(OtherModels))]
    public void Another_model_is_named(string difference, Func<Module<Tensor, Tensor>> make)
    {
        using var scope = NewDisposeScope();
        Save();
        var model = make();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options);
        RefusesAndChangesNothing<InvalidOperationException>(model, optimizer, $"*{difference}*");
    }

    [Fact]
    public void Another_optimizer_is_named()
    {
        using var scope = NewDisposeScope();
        Save();
        var model = Toy.Model();
        using (var adam = new DPOptimizer(optim.Adam(model.parameters()), model, Options))
            RefusesAndChangesNothing<InvalidOperationException>(model, adam, "*The optimizer was TorchSharp.Modules.SGD, is TorchSharp.Modules.Adam*");
        using (var reversed = new DPOptimizer(optim.SGD(model.parameters().Reverse().ToList(), 0.1, momentum: 0.9), model, Options))
            RefusesAndChangesNothing<InvalidOperationException>(model, reversed, "*trains other parameters, or in another order*");
        using var groups = new DPOptimizer(
            optim.SGD([new SGD.ParamGroup(model.parameters().Take(2)), new SGD.ParamGroup(model.parameters().Skip(2))], 0.1, momentum: 0.9), model, Options);
        RefusesAndChangesNothing<InvalidOperationException>(model, groups, "*number of parameter groups was 1, is 2*");
    }

    [Fact]
    public void Seeded_noise_is_neither_saved_nor_loaded()
    {
        using var scope = NewDisposeScope();
        Save();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options with { Noise = NoiseSource.SeededForTests(1) });
        RefusesAndChangesNothing<InvalidOperationException>(model, optimizer, "*the same noise would come again*");
        optimizer.Invoking(o => o.SaveCheckpoint(Checkpoint + "2")).Should().Throw<InvalidOperationException>().WithMessage("*the same noise would come again*");
        File.Exists(Checkpoint + "2").Should().BeFalse();
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Options);
        optimizer.Invoking(o => o.SaveCheckpoint(null!)).Should().Throw<ArgumentNullException>().WithParameterName("path");
        optimizer.Invoking(o => o.LoadCheckpoint(null!)).Should().Throw<ArgumentNullException>().WithParameterName("path");
        FluentActions.Invoking(() => DPOptimizer.ReadLedger(null!, new RdpAccountant())).Should().Throw<ArgumentNullException>().WithParameterName("path");
        FluentActions.Invoking(() => DPOptimizer.ReadLedger("x", null!)).Should().Throw<ArgumentNullException>().WithParameterName("accountant");
        optimizer.Invoking(o => o.LoadCheckpoint(Checkpoint)).Should().Throw<FileNotFoundException>().WithMessage("There is no checkpoint*");
        optimizer.Invoking(o => o.LoadCheckpoint(Path.Combine(_folder.Path, "no", "folder"))).Should().Throw<FileNotFoundException>();
        optimizer.Invoking(o => o.SaveCheckpoint(Path.Combine(_folder.Path, "no", "folder"))).Should().Throw<IOException>();
        Save();
        var other = new RdpAccountant(neighboringRelation: NeighboringRelation.ReplaceOne);
        FluentActions.Invoking(() => DPOptimizer.ReadLedger(Checkpoint, other)).Should().Throw<InvalidOperationException>().WithMessage("*was AddOrRemoveOne*is ReplaceOne*");
        other.Ledger.Should().BeEmpty();
        optimizer.Dispose();
        optimizer.Invoking(o => o.SaveCheckpoint(Checkpoint)).Should().Throw<ObjectDisposedException>();
        optimizer.Invoking(o => o.LoadCheckpoint(Checkpoint)).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void A_damaged_file_is_refused_whatever_byte_it_is_and_wherever_it_ends()
    {
        using var scope = NewDisposeScope();
        Save();
        var whole = File.ReadAllBytes(Checkpoint);
        var broken = Path.Combine(_folder.Path, "broken.ckpt");
        File.Copy(Checkpoint + ".steps", broken + ".steps");
        var model = Toy.Model(8);
        var ledger = new RdpAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options with { Accountant = ledger });
        var before = Toy.Weights(model);

        void Refuses(ReadOnlySpan<byte> content, string what)
        {
            File.WriteAllBytes(broken, content);
            FluentActions.Invoking(() => optimizer.LoadCheckpoint(broken)).Should().Throw<InvalidDataException>(what).WithMessage($"{broken}*");
        }

        for (var i = 0; i < whole.Length; i++)
        {
            whole[i] ^= 0x10;
            Refuses(whole, $"byte {i} was changed");
            whole[i] ^= 0x10;
        }
        for (var length = 0; length < whole.Length; length++)
            Refuses(whole.AsSpan(0, length), $"only {length} bytes were there");
        Refuses([.. whole, 0], "a byte was added");
        model.ShouldBeUnchanged(before);
        ledger.Ledger.Should().BeEmpty();
        optimizer.Steps.Should().Be(0);

        File.WriteAllBytes(broken, whole);
        optimizer.LoadCheckpoint(broken);
        optimizer.Steps.Should().Be(2);
    }

    [Fact]
    public void A_damaged_journal_is_refused_but_for_a_last_line_that_was_being_written()
    {
        using var scope = NewDisposeScope();
        Save();
        var path = Checkpoint + ".steps";
        var whole = File.ReadAllBytes(path);
        var model = Toy.Model(8);
        var before = Toy.Weights(model);
        var ledger = new RdpAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options with { Accountant = ledger });
        void Refuses(ReadOnlySpan<byte> content, string what)
        {
            File.WriteAllBytes(path, content);
            FluentActions.Invoking(() => optimizer.LoadCheckpoint(Checkpoint)).Should().Throw<InvalidDataException>(what).WithMessage("*run.ckpt.steps is damaged*");
        }

        // The last byte is the end of the last line: without it the line was being written.
        for (var i = 0; i < whole.Length - 1; i++)
        {
            whole[i] ^= 0x10;
            Refuses(whole, $"byte {i} was changed");
            whole[i] ^= 0x10;
        }
        Refuses([], "it is empty");
        Refuses(whole.AsSpan(0, 100), "its first line is not whole");
        ledger.Ledger.Should().BeEmpty();
        model.ShouldBeUnchanged(before);

        File.WriteAllBytes(path, whole);
        StepJournal.Read(Checkpoint).Single().Entries.Single().Count.Should().Be(5);
        File.WriteAllBytes(path, whole[..^1]);
        StepJournal.Read(Checkpoint).Single().Entries.Single().Count.Should().Be(4);
    }

    [Fact]
    public void A_file_with_the_right_checksum_and_the_wrong_content_is_refused()
    {
        using var scope = NewDisposeScope();
        Save();
        var whole = File.ReadAllBytes(Checkpoint)[..^SHA256.HashSizeInBytes];
        var model = Toy.Model(8);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options);
        void Refuses<TException>(byte[] content, string message)
            where TException : Exception
        {
            File.WriteAllBytes(Checkpoint, [.. content, .. SHA256.HashData(content)]);
            RefusesAndChangesNothing<TException>(model, optimizer, message);
        }
        byte[] WithHeaderLength(Func<long, long> change)
        {
            var content = whole.ToArray();
            BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(12), change(BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(12))));
            return content;
        }

        Refuses<InvalidDataException>([.. whole, 0, 0, 0, 0], "*is damaged*");
        Refuses<InvalidDataException>(WithHeaderLength(length => length + (1L << 32)), "*is damaged*");
        Refuses<InvalidDataException>(WithHeaderLength(length => -length), "*is damaged*");
        var names = Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(whole).Replace("momentum_buffer", "momentum_BUFFER", StringComparison.Ordinal));
        Refuses<InvalidOperationException>(names, "*of another version of TorchSharp*");
    }

    [Theory]
    [InlineData("\"DpSgd steps\"", "\"Other steps\"")]
    [InlineData("\"version\":1", "\"version\":2")]
    public void A_journal_of_another_format_is_refused(string written, string other)
    {
        using var scope = NewDisposeScope();
        Save();
        var path = Checkpoint + ".steps";
        var lines = File.ReadAllText(path).Split('\n');
        var head = lines[0][17..].Replace(written, other, StringComparison.Ordinal);
        head.Should().Contain(other);
        lines[0] = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(head)))[..16]} {head}";
        File.WriteAllText(path, string.Join('\n', lines));
        var model = Toy.Model(8);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options);
        RefusesAndChangesNothing<InvalidDataException>(model, optimizer, "*run.ckpt.steps is damaged*");
    }

    [Fact]
    public void A_checkpoint_of_a_newer_version_says_so()
    {
        using var scope = NewDisposeScope();
        Save();
        var content = File.ReadAllBytes(Checkpoint);
        content[8] = 2;
        File.WriteAllBytes(Checkpoint, content);
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options);
        optimizer.Invoking(o => o.LoadCheckpoint(Checkpoint)).Should().Throw<InvalidDataException>().WithMessage("*version 2*reads version 1*");
    }

    [Fact]
    public void What_cannot_be_written_leaves_the_old_file_as_it_was()
    {
        using var scope = NewDisposeScope();
        Save();
        var old = File.ReadAllBytes(Checkpoint);
        FluentActions.Invoking(() => DurableFile.Write(Checkpoint, file =>
        {
            file.Write(new byte[1000]);
            throw new IOException("The disk is full.");
        })).Should().Throw<IOException>().WithMessage("The disk is full.");
        File.ReadAllBytes(Checkpoint).Should().Equal(old);
        File.Exists(Checkpoint + ".tmp").Should().BeFalse();
    }

    /// <summary>Two steps, a checkpoint, and three steps more.</summary>
    private void Save()
    {
        var model = Toy.Model();
        var (x, y) = Toy.Batch(3);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Options);
        void Step() => optimizer.step(() => Toy.Loss(model, x, y, Reduction.None));
        Step();
        Step();
        optimizer.SaveCheckpoint(Checkpoint);
        Step();
        Step();
        Step();
    }

    private void RefusesAndChangesNothing<TException>(Module model, DPOptimizer optimizer, string message)
        where TException : Exception
    {
        var before = Toy.Weights(model);
        var journal = File.ReadAllBytes(Checkpoint + ".steps");
        optimizer.Invoking(o => o.LoadCheckpoint(Checkpoint)).Should().Throw<TException>().WithMessage(message);
        model.ShouldBeUnchanged(before);
        optimizer.Steps.Should().Be(0);
        optimizer.Guarantee(1e-5).Events.Should().BeEmpty();
        File.ReadAllBytes(Checkpoint + ".steps").Should().Equal(journal);
    }

    private static Module<Tensor, Tensor> Frozen(string name)
    {
        var model = Toy.Model();
        model.named_parameters().Single(p => p.name == name).parameter.requires_grad = false;
        return model;
    }
}
